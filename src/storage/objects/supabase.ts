import { openAsBlob } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createClient } from '@supabase/supabase-js'
import { reasonOf } from '../../core/errors.ts'
import type { Log, ObjectStore } from '../../core/ports.ts'
import { createResumableUpload, PART_BYTES } from './resumable-upload.ts'
import { type FaultAnswer, retrying, StorageFault } from './storage-fault.ts'

/** How Supabase Storage is reached. */
export interface SupabaseObjectsDeps {
  /** The project's address, `SUPABASE_URL`. */
  url: string
  /** `SUPABASE_SECRET_KEY`: a secret key, or the legacy `service_role` key. */
  secretKey: string
  /** Made, private, where it is missing. */
  bucket: string
  log: Log
  /** The pause before a call is tried again; it doubles each time. Default 500. */
  pauseMs?: number
  /** Files of more bytes go up in parts that can be resumed. Default 6 MB, which is Supabase's advice. */
  resumableAbove?: number
  /** How long a server that says nothing is waited for. Default 60 s. */
  silenceMs?: number
}

/** The part of the SDK's errors that is read here; they are returned, not thrown. */
interface SdkError {
  message: string
  status?: number | undefined
  statusCode?: string | undefined
  code?: string | undefined
  originalError?: unknown
}

/**
 * An object store in a private bucket of Supabase Storage. A call that may yet work is tried five times; what is
 * refused for good is thrown at once as a `StorageFault`, in words for the operator.
 *
 * A link plays in a player, with Range; opened by itself it is saved under its name, since Supabase can give a file a
 * name only as an attachment: https://supabase.com/docs/reference/javascript/storage-from-createsignedurl
 */
export function createSupabaseObjects(deps: SupabaseObjectsDeps): ObjectStore {
  const { url, secretKey, bucket, log } = deps
  const { pauseMs = 500, resumableAbove = PART_BYTES, silenceMs = 60_000 } = deps
  const address = url.replace(/\/+$/, '')
  const never = new AbortController().signal

  const client = (signalOf: () => AbortSignal | null) =>
    createClient(address, secretKey, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      // no redirect: the key is for this address alone
      global: { fetch: (input, init) => fetch(input, { ...init, signal: signalOf(), redirect: 'error' }) },
    }).storage
  const storage = client(() => AbortSignal.timeout(silenceMs))
  // fetch itself gives up on a body that is silent for 5 minutes
  const streams = client(() => null)

  function fault(answer: FaultAnswer): StorageFault {
    const safe = { ...answer, words: answer.words.replaceAll(secretKey, '…').trim().slice(0, 300) }
    return new StorageFault(wordsOf(safe, bucket), safe)
  }

  /** Calls the SDK until it works or is refused for good. */
  function call<T>(
    about: object,
    run: () => Promise<{ data: T | null; error: SdkError | null }>,
    signal: AbortSignal = never,
  ): Promise<T> {
    return retrying({ pauseMs, signal, failed: noteRetry(about) }, async () => {
      const { data, error } = await run()
      if (error || data === null) throw fault(answerOf(error))
      return data
    })
  }

  const noteRetry = (about: object) => (cause: StorageFault, tries: number) =>
    log.warn({ ...about, bucket, tries, reason: cause.message }, 'storage is tried again')

  /** Looks for the bucket and makes it where it is missing; another process may do so at the same moment. */
  async function openBucket(): Promise<void> {
    const look = () => call({}, () => storage.getBucket(bucket))
    const make = async () => {
      await call({}, async () => {
        const made = await storage.createBucket(bucket, { public: false })
        const isThere = made.error && answerOf(made.error).status === 409
        return isThere ? { data: { name: bucket }, error: null } : made
      })
      return look()
    }
    const found = await look().catch((error) => {
      if (!isBucketMissing(error)) throw error
      return make()
    })
    if (found.public) log.warn({ bucket }, 'the bucket is public: whoever knows a key can read its object')
  }

  let opened: Promise<void> | null = null

  /**
   * Works in the bucket once it is open. Opening it is also the proof that the key is right: asked for an object with a
   * wrong one, Supabase says that there is none.
   */
  async function inBucket<T>(key: string, work: () => Promise<T>, signal = never): Promise<T> {
    checkKey(key)
    signal.throwIfAborted()
    opened ??= openBucket().catch((error) => {
      opened = null
      throw error
    })
    try {
      await untilAborted(opened, signal)
      return await work()
    } catch (error) {
      if (isBucketMissing(error)) opened = null
      throw error
    }
  }

  return {
    put: (key, file, { contentType, signal }) =>
      inBucket(
        key,
        async () => {
          const { size } = await stat(file)
          if (size <= resumableAbove) {
            const files = client(() => signal).from(bucket)
            // as bytes: a Blob goes as a form, and where that is cut off, Node's fetch ends the process by an unhandled rejection
            const bytes = await readFile(file)
            await call({ key }, () => files.upload(key, bytes, { contentType, upsert: true }), signal)
            return
          }
          const upload = createResumableUpload({
            endpoint: `${address}/storage/v1/upload/resumable`,
            headers: { apikey: secretKey, authorization: `Bearer ${secretKey}`, 'x-upsert': 'true' },
            metadata: { bucketName: bucket, objectName: key, contentType, cacheControl: '3600' },
            blob: await openAsBlob(file),
            silenceMs,
            signal,
            fault,
          })
          await retrying({ pauseMs, signal, failed: noteRetry({ key }) }, upload)
        },
        signal,
      ),
    size: (key) =>
      inBucket(key, async () => {
        try {
          const { size } = await call({ key }, () => storage.from(bucket).info(key))
          if (size === undefined) throw fault({ status: 200, code: null, words: 'no size for an object' })
          return size
        } catch (error) {
          if (isAbsent(error)) return null
          throw error
        }
      }),
    read: (key, range) =>
      inBucket(key, async () => {
        const files = streams.from(bucket)
        if (range) files.setHeader('range', `bytes=${range.start}-${range.end}`)
        return bytesOf(await call({ key }, async () => files.download(key).asStream()), fault)
      }),
    link: (key, { seconds, name }) =>
      inBucket(key, async () => {
        const signed = await call({ key }, () => storage.from(bucket).createSignedUrl(key, seconds))
        const link = new URL(signed.signedUrl)
        // the SDK's own option encodes the name twice, which spoils all but ASCII
        link.searchParams.set('download', name)
        return link.href
      }),
    file(key) {
      checkKey(key)
      return null
    },
    list: (beginning) =>
      inBucket(folderOf(beginning), async () => {
        const folder = folderOf(beginning)
        const search = beginning.slice(folder.length + 1)
        const found: string[] = []
        for (;;) {
          const options = { search, limit: PAGE, offset: found.length }
          const page = await call({ key: beginning }, () => storage.from(bucket).list(folder, options))
          found.push(...page.map(({ name }) => `${folder}/${name}`))
          // a search may find its words elsewhere in a name too
          if (page.length < PAGE) return found.filter((key) => key.startsWith(beginning))
        }
      }),
    remove: (key) =>
      inBucket(key, async () => {
        await call({ key }, () => storage.from(bucket).remove([key]))
      }),
  }
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'))
}

/** So many objects are listed at once. */
const PAGE = 100

/** ASCII, no empty, hidden or parent step: the keys that every store takes. */
const KEY = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/

function checkKey(key: string): void {
  if (!KEY.test(key)) throw new Error(`not a key of an object: ${JSON.stringify(key)}`)
}

/** Whether the object isn't there; a missing bucket, or one that a wrong key doesn't see, is something else. */
function isAbsent(error: unknown): boolean {
  if (!(error instanceof StorageFault) || error.answer.status !== 404) return false
  return error.answer.code === 'NoSuchKey' || (error.answer.code === null && !lacksBucket(error.answer))
}

function isBucketMissing(error: unknown): boolean {
  return error instanceof StorageFault && lacksBucket(error.answer)
}

/** Older servers send no code. */
function lacksBucket({ status, code, words }: FaultAnswer): boolean {
  return status === 404 && (code === 'NoSuchBucket' || (code === null && /bucket/i.test(words)))
}

/** The SDK puts the true status into `statusCode`, mostly under HTTP 400. Without a status no answer came. */
function answerOf(error: SdkError | null): FaultAnswer {
  if (!error) return { status: null, code: null, words: 'an empty answer' }
  if (error.status === undefined) {
    const reason = reasonOf(error.originalError ?? error.message)
    return { status: null, code: null, words: reason || error.message }
  }
  const status = /^\d{3}$/.test(error.statusCode ?? '') ? Number(error.statusCode) : error.status
  return { status, code: error.code ?? null, words: error.message }
}

function wordsOf(answer: FaultAnswer, bucket: string): string {
  const { status, code, words } = answer
  if (status === null) return `no answer from Supabase Storage: ${words}`
  const told = `${status}: ${words}`
  if (status === 401 || status === 403 || code === 'InvalidJWT') {
    return `Supabase refused SUPABASE_SECRET_KEY (${told}): it has to be a secret key of the project at SUPABASE_URL`
  }
  if (status === 413) {
    return `the file is over the size limit of Supabase Storage (${told}): raise it for the project or the bucket ${bucket}`
  }
  if (status === 415) return `the bucket ${bucket} does not take this type of file (${told}): allow it there`
  if (lacksBucket(answer)) {
    return `SUPABASE_SECRET_KEY shows no bucket ${bucket} (${told}): it was removed, or the key is not a secret key of the project`
  }
  return `Supabase Storage ${status >= 500 ? 'failed' : 'refused'} (${told})`
}

async function* bytesOf(
  body: ReadableStream<Uint8Array>,
  fault: (answer: FaultAnswer) => StorageFault,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw fault({ status: null, code: null, words: reasonOf(error) })
  }
}

/** Waits for what others wait for as well, so that it can't be stopped itself. */
function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
