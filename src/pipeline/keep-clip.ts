import type { ClipFile, ClipRecord } from '../core/clip-measures.ts'
import { UNTAGGED_MATRIX } from '../core/colour.ts'
import { isDiskFull, ProviderError, reasonOf, UserError, userError } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import type { ChainLink, ClipOpening, Media, ReceivedClip } from '../core/ports/media.ts'
import type { JobStore, VideoModel } from '../core/ports.ts'
import type { ModelCapabilities } from '../core/request.ts'
import type { Segment } from '../core/segment.ts'
import { fetchClip, type SharingDeps } from './share-files.ts'

export interface KeepClipDeps extends SharingDeps {
  jobs: Pick<JobStore, 'usualMatrix'>
  media: Media
  /** The provider behind a model's id. */
  videoModel: (id: string) => VideoModel
  /** What is true of a model. */
  capabilities: (model: string) => ModelCapabilities
}

/** One job's chain of clips as far as it is on this machine. `records` are by segment, from 1. */
export interface Chain {
  deps: KeepClipDeps
  job: Job
  of: number
  records: readonly ClipRecord[]
  /** Of the segments that were brought home, in order. */
  clips: ClipFile[]
  signal: AbortSignal
}

/** A clip on this machine. `opening` is null for one that opens on nothing, or was looked at before. */
export interface KeptClip {
  file: ClipFile
  opening: ClipOpening | null
  /** What had to be encoded of it; null if that was done by an earlier run. */
  encoded: ReceivedClip['encoded'] | null
}

/** How often a clip is fetched that can't be read; the last time whatever of it can be decoded is taken. */
const TRIES = 3

/**
 * Brings a rendered clip home, makes it joinable, and writes the frame that the next segment opens on. Throws `UserError` `clip_unusable` if
 * no decoder reads it, however often it is fetched, and `clip_unfetched`.
 */
export async function keepClip(chain: Chain, segment: Segment): Promise<KeptClip> {
  const { media, work, log } = chain.deps
  const { index, model, request, seconds } = segment
  const clip = work.clip(chain.job.id, index)
  const about = { job_id: chain.job.id, segment: index, request_id: request?.id, model }
  for (let tries = 1; ; tries += 1) {
    const fetched = tries > 1 || !(await work.has(clip))
    if (fetched) await download(chain, segment).catch(asUnfetched(index))
    try {
      const delivered = fetched
        ? await receive(chain, segment, tries === TRIES)
        : { ...(await media.probe(clip, chain.signal)), encoded: null }
      // what each model really delivers is known from here only
      log.info({ ...about, asked: seconds, clip: delivered }, 'clip received')
      const read = await readColours(chain, segment, clip)
      chain.clips.push(read.file)
      return { ...read, encoded: delivered.encoded }
    } catch (error) {
      if (chain.signal.aborted || error instanceof UserError || isDiskFull(error)) throw error
      log.warn({ ...about, tries, err: error }, 'clip unreadable')
      if (tries === TRIES) {
        throw userError('clip_unusable', { segment: index, reason: reasonOf(error) }, { cause: error })
      }
    }
  }
}

/** A stored segment whose files are missing on this machine, or broken: the clip is fetched again, never rendered again. */
export async function bringBack(chain: Chain, segment: Segment): Promise<KeptClip> {
  const { media, work } = chain.deps
  const { index } = segment
  const clip = work.clip(chain.job.id, index)
  const whole = await media.probe(clip, chain.signal).then(
    () => true,
    () => false,
  )
  if (!whole && !(await fetchClip(chain.deps, chain.job, clip, chain.signal))) {
    await download(chain, segment)
      .then(() => receive(chain, segment, true))
      .catch((error) => {
        if (chain.signal.aborted || error instanceof UserError || isDiskFull(error)) throw error
        throw userError('clip_lost', { segment: index, reason: reasonOf(error) }, { cause: error })
      })
  }
  const measures = chain.records[index - 1]?.measures
  const frame = work.lastFrame(chain.job.id, index)
  if (!measures) {
    const read = await readColours(chain, segment, clip)
    chain.clips.push(read.file)
    return { ...read, encoded: null }
  }
  const file = { path: clip, untagged: measures.untagged }
  chain.clips.push(file)
  if (index < chain.of && !(await work.has(frame))) await writeFrame(chain, segment, file)
  return { file, opening: null, encoded: null }
}

/** A file that is still to be received does not have its clip's name: nothing is ever cut or repaired twice. */
async function download(chain: Chain, segment: Segment): Promise<void> {
  const { videoModel, work } = chain.deps
  const path = work.deliveredClip(chain.job.id, segment.index)
  await videoModel(segment.model).download(segment.clipUrl ?? '', path, chain.signal)
}

function receive(chain: Chain, { index, model }: Segment, salvage: boolean): Promise<ReceivedClip> {
  const { media, work, capabilities } = chain.deps
  const { id } = chain.job
  // Nothing opens on the last segment: it is shown to its end.
  const anchor = index === chain.of ? 'last' : capabilities(model).anchor
  return media.receive(work.deliveredClip(id, index), work.clip(id, index), { anchor, salvage }, chain.signal)
}

/**
 * Finds out by which matrix a clip is meant, and writes its last frame by it. A clip that opens on a picture of ours shows it; for any other,
 * what was measured of the model counts, then the catalogue, then the rule. The frame is written by the likely matrix meanwhile.
 */
async function readColours(chain: Chain, segment: Segment, path: string): Promise<Omit<KeptClip, 'encoded'>> {
  const { media, work, log, jobs, capabilities } = chain.deps
  const { job, signal } = chain
  const { index, model, request } = segment
  const rule = capabilities(model).untaggedMatrix ?? UNTAGGED_MATRIX
  const likely = { path, untagged: (await jobs.usualMatrix(model)) ?? rule }
  const sent = pictureSent(chain, index)
  const [opening] = await Promise.all([
    sent !== null && (await work.has(sent)) ? media.compareOpening(likely, sent, signal) : null,
    index === chain.of ? null : writeFrame(chain, segment, likely),
  ])
  const { measured = null, tagged = null } = opening ?? {}
  if (measured !== null && measured !== (tagged ?? rule)) {
    const about = { job_id: job.id, segment: index, request_id: request?.id, model }
    log.warn({ ...about, measured, tagged, rule }, 'clip encoded by another matrix than expected')
  }
  if (tagged !== null || measured === null || measured === likely.untagged) return { file: likely, opening }
  const file = { path, untagged: measured }
  if (index < chain.of) await writeFrame(chain, segment, file)
  return { file, opening }
}

/** The picture that a segment was asked to open on; null for one that was asked for in words only. */
function pictureSent({ deps: { work }, job }: Chain, index: number): string | null {
  if (index > 1) return work.lastFrame(job.id, index - 1)
  return job.request.image ? work.opening(job.id) : null
}

/** Writes the frame that the next segment opens on. */
async function writeFrame(chain: Chain, { index, model }: Segment, file: ClipFile): Promise<void> {
  const { media, work, capabilities } = chain.deps
  const { id } = chain.job
  const png = work.lastFrame(id, index)
  const [first, ...others] = [...chain.clips.slice(0, index - 1), file]
  if (first === undefined || capabilities(model).colours === 'as they come') {
    return media.lastFrame(file, png, chain.signal)
  }
  const links = others.map((clip, i): ChainLink => ({ clip, opening: work.lastFrame(id, i + 1) }))
  await media.nudgedFrame(first, links, png, chain.signal)
}

/** A clip that can't be fetched for good stays `rendered`: a retry fetches it, and pays nothing for that. */
function asUnfetched(segment: number) {
  return (error: unknown): never => {
    if (!(error instanceof ProviderError) || error.kind !== 'rejected') throw error
    throw userError('clip_unfetched', { segment, reason: error.message }, { cause: error })
  }
}
