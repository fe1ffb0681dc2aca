import type { ClipInspection, ClipMeasures, ClipRecord, ClipsBefore } from '../core/clip-measures.ts'
import type { Media } from '../core/ports/media.ts'
import type { Claim, JobStore } from '../core/ports.ts'
import type { Segment } from '../core/segment.ts'
import type { Chain, KeptClip } from './keep-clip.ts'

export interface MeasuringDeps {
  media: Media
  jobs: Pick<JobStore, 'recordClip'>
}

/** What is measured of a chain's clips, each while the next one is rendered. Null: the join does it, and says what is wrong. */
export interface Measuring {
  /** Begins to measure the chain's next clip, unless that was done before. */
  add(segment: Segment, kept: KeptClip): void
  /** What the join must know. Never rejects. */
  measures(): Promise<(ClipMeasures | null)[]>
  /** What decoding the clips shows. Never rejects. */
  inspections(): Promise<(ClipInspection | null)[]>
  /** Waits until nothing reads the clips any more. Never rejects. */
  settled(): Promise<void>
}

/**
 * Measures clips as they come and keeps the results with their segments, so that whatever goes on with the job measures nothing again. One
 * clip is decoded at a time.
 */
export function startMeasuring(deps: MeasuringDeps, claim: Claim, chain: Chain): Measuring {
  const measures: Promise<ClipMeasures | null>[] = []
  const inspections: Promise<ClipInspection | null>[] = []

  /** Runs `work`, keeps its result, and gives null for what fails. */
  async function recorded<K extends keyof ClipRecord>(
    key: K,
    segment: Segment,
    work: () => Promise<ClipRecord[K]>,
  ): Promise<ClipRecord[K] | null> {
    const known = chain.records[segment.index - 1]?.[key]
    if (known) return known
    const { id: job_id } = chain.job
    const about = { job_id, segment: segment.index, request_id: segment.request?.id }
    try {
      const result = await work()
      const record: Partial<ClipRecord> = { [key]: result }
      await deps.jobs.recordClip(claim, segment, record).catch((error) => {
        if (!chain.signal.aborted) chain.deps.log.warn({ ...about, err: error }, 'clip record not kept')
      })
      return result
    } catch (error) {
      if (!chain.signal.aborted) chain.deps.log.warn({ ...about, err: error }, `clip ${key} failed`)
      return null
    }
  }

  async function before(earlier: readonly Promise<ClipMeasures | null>[]): Promise<ClipsBefore> {
    const lastFrame = chain.deps.work.lastFrame(chain.job.id, earlier.length)
    return { clips: chain.clips.slice(0, earlier.length), measures: await Promise.all(earlier), lastFrame }
  }

  return {
    add(segment, { file, opening, encoded }) {
      const earlier = [...measures]
      const inspected = inspections.at(-1)
      measures.push(
        recorded('measures', segment, async () => {
          const known = earlier.length === 0 ? null : await before(earlier)
          return { ...(await deps.media.measure(file, opening, known, chain.signal)), encoded }
        }),
      )
      inspections.push(
        recorded('inspection', segment, async () => {
          await inspected
          return deps.media.inspect(file, chain.signal)
        }),
      )
    },
    measures: () => Promise.all(measures),
    inspections: () => Promise.all(inspections),
    settled: async () => void (await Promise.all([...measures, ...inspections])),
  }
}
