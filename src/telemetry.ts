import { type DestinationStream, pino } from 'pino'
import type { Log } from './core/ports.ts'

/** Fields whose values are never written, wherever they stand. */
const SECRET = ['authorization', 'token', 'apiKey', 'key', 'password', 'secret', 'databaseUrl', 'cookie']

/** JSON lines on stderr, so that stdout stays a command's own. */
export function createLog(level: string, to: DestinationStream = pino.destination(2)): Log {
  const redact = SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ level, redact, serializers: { err: withoutQuery, cause: withoutQuery } }, to)
}

/** The database's errors repeat the query with its parameters, prompts among them: what Postgres said is enough. */
function withoutQuery(error: unknown) {
  const told =
    error instanceof Error && 'query' in error && error.cause instanceof Error ? error.cause : error
  return told instanceof Error ? pino.stdSerializers.err(told) : told
}
