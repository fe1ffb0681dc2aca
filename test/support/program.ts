import { serve } from '@hono/node-server'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createOperator } from '../../src/operator.ts'
import { createLog } from '../../src/telemetry.ts'
import { createOperatorDoor } from '../../src/web/operator.ts'

/** The program with nothing but its door for the command line, on the port that is its argument. */

const [, , port] = process.argv
const log = createLog('warn')
const app = await createApp(readConfig(), log)
const service = await app.open()
await service.takeUp()
const stopping = new AbortController()
const { token } = service.door
const door = createOperatorDoor({
  operator: createOperator(app, service),
  token,
  log,
  stopping: stopping.signal,
})
const server = serve(
  {
    fetch: async (request) => (await door(request)) ?? new Response(null, { status: 404 }),
    port: Number(port),
    hostname: '127.0.0.1',
  },
  async () => {
    await service.door.open(`http://127.0.0.1:${port}`)
    process.stdout.write('Ready.\n')
  },
)
process.on('SIGTERM', async () => {
  stopping.abort()
  server.close()
  await service.stop()
  process.exit(0)
})
