import { type DetailedError, Upload } from 'tus-js-client'
import { reasonOf } from '../../core/errors.ts'
import type { Failures, FaultAnswer, StorageFault } from './storage-fault.ts'

/** The size of a part that Supabase asks for, and from which on it advises parts: https://supabase.com/docs/guides/storage/uploads/resumable-uploads */
export const PART_BYTES = 6 * 1024 * 1024

/** A file on its way in parts, by the TUS protocol. `silenceMs`: how long a server may say nothing. */
export interface ResumableOrder {
  endpoint: string
  headers: Record<string, string>
  metadata: Record<string, string>
  blob: Blob
  silenceMs: number
  signal: AbortSignal
  /** Words what the server answered. */
  fault: (answer: FaultAnswer) => StorageFault
}

/**
 * Makes an upload that can be called again after it was cut: it then goes on from what the server has. One call is one
 * try, and sets `failures` back when the server has more of the file than ever before.
 */
export function createResumableUpload(order: ResumableOrder): (failures: Failures) => Promise<void> {
  const { endpoint, blob, signal } = order
  let uploadUrl: string | null = null
  let furthest = 0

  return (failures) =>
    new Promise((resolve, reject) => {
      let over = false
      const end = (settle: () => void) => {
        if (over) return
        over = true
        clearTimeout(silence)
        signal.removeEventListener('abort', onAbort)
        settle()
      }
      const stop = (reason: unknown) => {
        end(() => reject(reason))
        void upload.abort()
      }
      const onAbort = () => stop(signal.reason)
      const silence = setTimeout(() => {
        stop(order.fault({ status: null, code: null, words: `silent for ${order.silenceMs / 1000} s` }))
      }, order.silenceMs)
      signal.addEventListener('abort', onAbort, { once: true })

      const upload: Upload = new Upload(blob, {
        // without an endpoint the library can't begin anew by itself where an upload can't be looked up for the moment
        ...(uploadUrl ? { uploadUrl } : { endpoint }),
        headers: order.headers,
        metadata: order.metadata,
        chunkSize: PART_BYTES,
        // trying again is the caller's
        retryDelays: null,
        storeFingerprintForResuming: false,
        fingerprint: async () => '',
        fileReader: { openFile: async () => partsOf(blob) },
        onBeforeRequest() {
          // an abort that comes while the library opens the file is forgotten by it
          if (over) throw new Error('the upload is over')
        },
        onAfterResponse(_request, response) {
          silence.refresh()
          const has = Number(response.getHeader('Upload-Offset') ?? 0)
          if (has > furthest) failures.count = 0
          furthest = Math.max(furthest, has)
        },
        onProgress: () => void silence.refresh(),
        onUploadUrlAvailable() {
          // what the server calls itself behind a proxy may be another host: the key is for ours alone
          const id = upload.url?.split('/').at(-1) ?? ''
          uploadUrl = `${endpoint}/${id}`
          upload.url = uploadUrl
        },
        onSuccess: () => end(resolve),
        onError(error) {
          const answer = answerOf(error)
          // the server has forgotten the upload: the next try begins anew
          const forgotten = uploadUrl !== null && (answer.status === 404 || answer.status === 410)
          if (forgotten) uploadUrl = null
          end(() => reject(order.fault(forgotten ? { ...answer, status: null } : answer)))
        },
      })
      upload.start()
    })
}

/** Reads a part at a time into memory: a stream that broke would end the process, since the library listens to none. */
function partsOf(blob: Blob) {
  return {
    size: blob.size,
    async slice(start: number, end: number) {
      const part = Buffer.from(await blob.slice(start, end).arrayBuffer())
      return { value: Object.assign(part, { size: part.length }), done: end >= blob.size }
    },
    close() {},
  }
}

/** The library's error as an answer. The error itself goes no further: it holds the request's headers, the key among them. */
function answerOf(error: Error | DetailedError): FaultAnswer {
  const response = 'originalResponse' in error ? error.originalResponse : null
  if (!response) {
    const cause = 'causingError' in error ? error.causingError : null
    return { status: null, code: null, words: reasonOf(cause ?? error) }
  }
  const body = response.getBody().trim()
  // what fails before TUS is reached comes in the envelope of the other calls, under HTTP 400
  const envelope = parsed(body)
  return {
    status: Number(envelope.statusCode) || response.getStatus(),
    code: envelope.code ?? null,
    words: envelope.message ?? body.slice(0, 200),
  }
}

function parsed(body: string): { statusCode?: string; code?: string; message?: string } {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}
