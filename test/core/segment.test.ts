import { expect, test } from 'vitest'
import { canMoveSegment, SEGMENT_STATES, type SegmentState } from '../../src/core/segment.ts'

test('a segment goes step by step to stored, or back to planned, and what is stored stays', () => {
  const moves: Record<SegmentState, SegmentState[]> = {
    planned: ['submitting'],
    submitting: ['planned', 'submitted'],
    submitted: ['planned', 'rendered'],
    rendered: ['planned', 'stored'],
    stored: [],
  }
  for (const from of SEGMENT_STATES) {
    expect(
      SEGMENT_STATES.filter((to) => canMoveSegment(from, to)),
      from,
    ).toEqual(moves[from])
  }
})

test('no way leads past the note that a request is about to be paid for', () => {
  for (const from of SEGMENT_STATES) {
    expect(canMoveSegment(from, 'submitted')).toBe(from === 'submitting')
  }
})
