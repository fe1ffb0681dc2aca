import { expect, onTestFinished, test } from 'vitest'
import { MAIN } from '../support/cli.ts'
import { usedMachine } from '../support/databases.ts'
import { only, PROMPT, startServices } from '../support/services.ts'
import { eventsOf, type StreamedEvent, startWeb } from '../support/web.ts'

test('a stream goes on over a crash of the server from where it was, and nothing is told twice or left out', async () => {
  const { env, paid } = await startServices(onTestFinished, { database: false, outcome: { steps: [1, 1] } })
  const machine = await usedMachine(MAIN)
  onTestFinished(() => machine.remove())
  // for one, on this machine: films stay in a folder
  const connected = only(env, 'FAL', 'MEDIA', 'OPENAI')
  const first = await startWeb(machine, connected)
  const taken = await fetch(`${first.address}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: PROMPT, segments: 2, seconds: 4 }),
  })
  const { job_id } = (await taken.json()) as { job_id: string }

  const seen: StreamedEvent[] = []
  for await (const event of eventsOf(await fetch(`${first.address}/api/events/${job_id}`))) {
    seen.push(event)
    if (event.data.type === 'segment_started') break
  }
  first.running.kill('SIGKILL')
  await first.running.ended

  const { address } = await startWeb(machine, connected)
  const last = () => ({ headers: { 'last-event-id': String(seen.at(-1)?.id) } })
  for await (const event of eventsOf(await fetch(`${address}/api/events/${job_id}`, last()))) seen.push(event)
  expect(seen.at(-1)?.data).toMatchObject({ type: 'completed', status: 'completed', progress: 1 })
  const all: StreamedEvent[] = []
  for await (const event of eventsOf(await fetch(`${address}/api/events/${job_id}`))) all.push(event)
  expect(seen).toEqual(all)
  expect(paid()).toEqual([1, 1])

  // whoever comes back after the end is told to come no more
  expect((await fetch(`${address}/api/events/${job_id}`, last())).status).toBe(204)
})
