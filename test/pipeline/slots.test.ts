import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createSlots } from '../../src/pipeline/queue/slots.ts'
import { createStage } from '../support/stage.ts'

/** Lets everything that can go on without the outside go on. */
async function settle() {
  for (let i = 0; i < 20; i++) await turn()
}

describe('places', () => {
  const never = new AbortController().signal

  test('no more work runs at once than there are places, and its answers come back', async () => {
    const slots = createSlots(2)
    const stage = createStage()
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) =>
      slots.run(async () => {
        await stage.perform(name)
        return `${name} done`
      }, never),
    )
    await settle()
    expect(stage.running()).toEqual(['a', 'b'])
    await stage.endAll(0)
    expect(await Promise.all(all)).toEqual(['a done', 'b done', 'c done', 'd done', 'e done'])
    expect(stage.mostAtOnce()).toBe(2)
  })

  test('work that is aborted keeps its place until it has really ended', async () => {
    const slots = createSlots(1)
    const stage = createStage()
    const abort = new AbortController()
    const first = slots.run(() => stage.perform('first'), abort.signal)
    const second = slots.run(() => stage.perform('second'), never)
    await settle()
    abort.abort()
    await settle()
    expect(stage.running()).toEqual(['first'])
    await stage.end('first')
    await first
    expect(stage.running()).toEqual(['second'])
    await stage.end('second')
    await second
  })

  test('work that is aborted while it waits is never begun, ends at once, and takes nobody’s place', async () => {
    const slots = createSlots(1)
    const stage = createStage()
    const abort = new AbortController()
    const reason = new Error('the job was cancelled')
    const first = slots.run(() => stage.perform('first'), never)
    const waiting = slots.run(() => stage.perform('waiting'), abort.signal)
    const third = slots.run(() => stage.perform('third'), never)
    await settle()
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(stage.running()).toEqual(['first'])
    await stage.endAll(0)
    await Promise.all([first, third])
    expect(stage.begun).toEqual(['first', 'third'])
  })

  test('work whose signal has aborted already is never begun', async () => {
    const stage = createStage()
    await expect(createSlots(1).run(() => stage.perform('x'), AbortSignal.abort())).rejects.toThrow()
    await settle()
    expect(stage.begun).toEqual([])
  })

  test('work that fails gives its place back, and its own error', async () => {
    const slots = createSlots(1)
    const stage = createStage()
    const first = slots.run(() => stage.perform('first'), never)
    const failing = expect(first).rejects.toThrow('a fault')
    const second = slots.run(() => stage.perform('second'), never)
    await settle()
    await stage.end('first', new Error('a fault'))
    await failing
    expect(stage.running()).toEqual(['second'])
    await stage.endAll(0)
    await second
  })
})
