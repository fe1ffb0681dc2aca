import { expect, onTestFinished, test } from 'vitest'
import { MAIN } from '../support/cli.ts'
import { usedMachine } from '../support/databases.ts'
import { startWeb } from '../support/web.ts'

test('SIGTERM ends a program whose log nobody reads any more', async () => {
  const machine = await usedMachine(MAIN)
  onTestFinished(() => machine.remove())
  const { running } = await startWeb(machine, {})
  running.hangUp()
  running.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
})
