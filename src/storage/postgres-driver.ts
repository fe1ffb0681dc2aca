import { registerHooks } from 'node:module'

const FOLDER = '/node_modules/postgres/src/'

/**
 * What is mended in the driver (postgres 3.4.9, github.com/porsager/postgres/issues/1208 and 1154). A connection that is lost while
 * something is still to be sent on it keeps the note that this will be sent in a moment, and so never sends anything again. What a
 * transaction sends after its connection was lost, if only its rollback, ends the whole process, or is run for somebody else who has
 * opened the connection again. Each text stands there as often as is said.
 */
const MENDS: readonly { file: string; text: RegExp; times: number; by: string }[] = [
  {
    ...{ file: 'connection.js', text: /^ {4}clearImmediate\(nextWriteTimer\)$/gm, times: 2 },
    by: '$&\n    chunk = nextWriteTimer = null',
  },
  {
    ...{ file: 'connection.js', text: /^ {2}function execute\(q\) \{$/gm, times: 1 },
    by: `$&
    if (socket === null) {
      queryError(q, Errors.connection('CONNECTION_CLOSED', options, socket))
      return true
    }`,
  },
  {
    ...{ file: 'index.js', text: /^ {4}let savepoints = 0$/gm, times: 1 },
    by: '    let lost = null\n$&',
  },
  {
    ...{ file: 'index.js', text: /connection\.onclose = reject\)$/gm, times: 1 },
    by: 'connection.onclose = (error) => reject((lost = error)))',
  },
  {
    ...{
      file: 'index.js',
      text: /^ {8}q\.catch\(e => uncaughtError \|\| \(uncaughtError = e\)\)$/gm,
      times: 1,
    },
    by: '$&\n        if (lost) return q.reject(lost)',
  },
]

let driver: ReturnType<typeof read> | undefined

/** The driver for a Postgres server. Whatever else imports it must come after the first call: it is mended while it is read. */
export function importPostgres(): ReturnType<typeof read> {
  driver ??= read()
  return driver
}

async function read() {
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const [, file] = url.split(FOLDER)
      const mends = MENDS.filter((mend) => mend.file === file)
      return mends.length === 0 ? loaded : { ...loaded, source: mended(String(loaded.source), mends) }
    },
  })
  try {
    return (await import('postgres')).default
  } finally {
    hooks.deregister()
  }
}

function mended(source: string, mends: typeof MENDS): string {
  return mends.reduce((text, mend) => {
    const found = text.match(mend.text)?.length ?? 0
    if (found !== mend.times)
      throw new Error(`another version of postgres: ${mend.text} stands there ${found} times`)
    return text.replace(mend.text, mend.by)
  }, source)
}
