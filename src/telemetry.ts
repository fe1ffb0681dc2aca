import { type DestinationStream, pino } from 'pino'
import type { Log } from './core/ports.ts'

/** Fields whose values are never written, wherever they stand. */
const SECRET = ['authorization', 'token', 'apiKey', 'key', 'password', 'secret', 'databaseUrl', 'cookie']

/** JSON lines on stderr, so that stdout stays a command's own. */
export function createLog(level: string, to: DestinationStream = pino.destination(2)): Log {
  const redact = SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ level, redact, serializers: { err: withoutQuestion, cause: withoutQuestion } }, to)
}

/**
 * Some errors repeat what was sent, prompts and tokens among it: the database's the query with its parameters, Discord's the address and
 * the body. What was answered is enough.
 */
function withoutQuestion(error: unknown) {
  const told =
    error instanceof Error && 'query' in error && error.cause instanceof Error ? error.cause : error
  if (!(told instanceof Error)) return told
  if (!('requestBody' in told)) return pino.stdSerializers.err(told)
  const { name, message, stack } = told
  return { type: name, message, stack, ...('code' in told ? { code: told.code } : {}) }
}
