import { expect, test } from 'vitest'
import { teamOf } from '../../../src/bot/slack/team.ts'

test.each([
  ['of a workspace', { user: { team_id: 'T1' }, team: { id: 'T1' }, enterprise: null }],
  [
    'of an organisation that has the app everywhere',
    { user: { team_id: 'T1' }, team: null, enterprise: { id: 'E1' } },
  ],
  ['of another workspace, in a shared channel', { user: { team_id: 'T1' }, team: { id: 'T2' } }],
  ['whose workspace stands beside them', { user: {}, team: { id: 'T1' } }],
])('somebody %s is known by the workspace that their commands name', (_, body) => {
  expect(teamOf(body)).toBe('T1')
})

test('somebody of no workspace is known by their organisation', () => {
  expect(teamOf({ user: {}, team: null, enterprise: { id: 'E1' } })).toBe('E1')
})
