import { serve } from '@hono/node-server'
import { Hono } from 'hono'

/** A server that only answers, with as much as a status is. */
const app = new Hono().get('/', (c) => c.json({ job_id: 'x'.repeat(36), logs: 'x'.repeat(500) }))
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(JSON.stringify({ web: `http://127.0.0.1:${port}` }))
})
