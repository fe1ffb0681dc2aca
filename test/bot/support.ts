import type { JobChange, JobEvent } from '../../src/core/event.ts'
import type { Film, Job, JobStatus } from '../../src/core/job.ts'
import type { Locale, ModelCapabilities } from '../../src/core/request.ts'
import { PLAIN_JOIN } from '../../src/core/request.ts'
import type { Segment, SegmentState } from '../../src/core/segment.ts'

export const JOB_ID = '9b2d4a53-0d4c-4f4e-8a53-5a3c3f1c9d10'
export const START = Date.parse('2026-11-24T12:00:00Z')

export const MODEL: ModelCapabilities = {
  id: 'wan-2.7',
  name: 'Wan 2.7',
  retired: null,
  seconds: [4, 8, 12],
  resolutions: ['720p', '1080p'],
  aspects: ['16:9', '9:16', '1:1'],
  firstFrame: true,
  promptMax: 5000,
  promptLanguage: 'any',
  usdPerSecond: { '720p': 0.1, '1080p': 0.15 },
  renderSeconds: 90,
  source: 'trainedAlgorithmicMedia',
}

export const FILM: Film = {
  key: `films/${JOB_ID}.mp4`,
  duration: 31.9,
  width: 1280,
  height: 720,
  file_size: 8_400_000,
  check: null,
  clips: [],
}

export function job(changes: Partial<Job> = {}): Job {
  return {
    id: JOB_ID,
    userId: 'u',
    status: 'queued',
    request: {
      prompt: '네온이 켜진 미래 도시를 달리는 자동차',
      segments: 4,
      seconds: 8,
      resolution: '720p',
      aspect: '16:9',
      model: 'wan-2.7',
      image: false,
      ...PLAIN_JOIN,
    },
    locale: 'ko' as Locale,
    progress: 0,
    title: null,
    film: null,
    error: null,
    estimateUsd: 3.2,
    cancelRequested: false,
    payAgain: false,
    createdAt: new Date(START),
    updatedAt: new Date(START),
    completedAt: null,
    ...changes,
  }
}

export function segments(...states: SegmentState[]): Segment[] {
  const titles = ['도시의 새벽', '고가도로', '터널', '바다가 보이는 언덕']
  return states.map((state, i) => ({
    jobId: JOB_ID,
    index: i + 1,
    title: titles[i] ?? `장면 ${i + 1}`,
    prompt: 'p',
    seconds: 8,
    model: 'wan-2.7',
    state,
    request: null,
    clipUrl: null,
    costUsd: state === 'stored' ? 0.8 : null,
    attempts: state === 'planned' ? 0 : 1,
    updatedAt: new Date(START),
  }))
}

const STATES: Record<JobChange['type'], [JobStatus, number]> = {
  queued: ['queued', 0],
  planning: ['planning', 0.1],
  planned: ['generating', 0.2],
  segment_started: ['generating', 0.35],
  segment_waiting: ['generating', 0.35],
  segment_adopted: ['generating', 0.35],
  segment_done: ['generating', 0.5],
  merging: ['merging', 0.9],
  completed: ['completed', 1],
  failed: ['failed', 0.5],
  cancel_requested: ['generating', 0.5],
  cancelled: ['cancelled', 0.5],
  resumed: ['generating', 0.5],
  retried: ['queued', 0.5],
}

/** Events one after another, `gap` seconds apart. */
export function eventsOf(changes: readonly JobChange[], gap = 60): JobEvent[] {
  return changes.map((change, i) => eventOf(change, i + 1, START + i * gap * 1000))
}

export function eventOf(change: JobChange, seq: number, at: number): JobEvent {
  const [status, progress] = STATES[change.type]
  return { ...change, seq, job_id: JOB_ID, status, progress, at: new Date(at) }
}
