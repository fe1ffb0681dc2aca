import { registerHooks } from 'node:module'

const MODULE = '/node_modules/postgres/src/connection.js'

/**
 * What is mended in the driver (postgres 3.4.9, github.com/porsager/postgres/issues/1208 and 1154). A connection that is lost while
 * something is still to be sent on it keeps the note that this will be sent in a moment, and so never sends anything again; and what a
 * transaction sends after that ends the whole process. Each text stands there as often as is said here.
 */
const MENDS: readonly { text: RegExp; times: number; by: string }[] = [
  { text: /^ {4}clearImmediate\(nextWriteTimer\)$/gm, times: 2, by: '$&\n    chunk = nextWriteTimer = null' },
  {
    text: /^ {4}const x = socket\.write\(chunk, fn\)$/gm,
    times: 1,
    by: `    if (socket === null) {
      clearImmediate(nextWriteTimer)
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options, socket))
      query = null
      return true
    }
$&`,
  },
]

type Driver = typeof import('postgres')

let driver: Promise<Driver> | undefined

/** The driver for a Postgres server. Whatever else imports it must come after the first call: it is mended while it is read. */
export function importPostgres(): Promise<Driver> {
  driver ??= read()
  return driver
}

async function read(): Promise<Driver> {
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      return url.endsWith(MODULE) ? { ...loaded, source: mended(String(loaded.source)) } : loaded
    },
  })
  try {
    return (await import('postgres')).default as unknown as Driver
  } finally {
    hooks.deregister()
  }
}

function mended(source: string): string {
  return MENDS.reduce((text, mend) => {
    const found = text.match(mend.text)?.length ?? 0
    if (found !== mend.times)
      throw new Error(`another version of postgres: ${mend.text} stands there ${found} times`)
    return text.replace(mend.text, mend.by)
  }, source)
}
