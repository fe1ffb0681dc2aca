import { expect, test } from 'vitest'
import { endsJob, type JobChange, type JobEvent } from '../../src/core/event.ts'
import {
  canMove,
  isUnfinished,
  JOB_STATUSES,
  type JobStatus,
  PROGRESS,
  sourcesOf,
} from '../../src/core/job.ts'

const MOVES: Record<JobStatus, JobStatus[]> = {
  queued: ['planning', 'failed', 'cancelled'],
  planning: ['generating', 'failed', 'cancelled'],
  generating: ['merging', 'failed', 'cancelled'],
  merging: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: ['queued'],
  cancelled: [],
}

test('a job makes the moves of its life and no others', () => {
  for (const from of JOB_STATUSES) {
    expect(JOB_STATUSES.filter((to) => canMove(from, to))).toEqual(MOVES[from])
  }
  for (const to of JOB_STATUSES) {
    expect(sourcesOf(to)).toEqual(JOB_STATUSES.filter((from) => MOVES[from].includes(to)))
  }
})

test('a job is unfinished exactly as long as it can still be cancelled', () => {
  expect(JOB_STATUSES.filter(isUnfinished)).toEqual(['queued', 'planning', 'generating', 'merging'])
  expect(JOB_STATUSES.filter(isUnfinished)).toEqual(sourcesOf('cancelled'))
})

test('progress only grows from queued to completed, however many segments there are', () => {
  for (let total = 2; total <= 10; total++) {
    const points = [
      PROGRESS.queued,
      PROGRESS.planning,
      PROGRESS.planned,
      ...Array.from({ length: total }, (_, i) => PROGRESS.generating(i + 1, total)),
      PROGRESS.merging,
      PROGRESS.completed,
    ]
    expect(points).toEqual(points.toSorted((a, b) => a - b))
    expect(new Set(points).size).toBe(points.length)
    expect(PROGRESS.generating(0, total)).toBe(PROGRESS.planned)
    expect(PROGRESS.generating(total, total)).toBeCloseTo(0.8)
  }
  expect([
    PROGRESS.queued,
    PROGRESS.planning,
    PROGRESS.planned,
    PROGRESS.merging,
    PROGRESS.completed,
  ]).toEqual([0, 0.1, 0.2, 0.9, 1])
  expect(PROGRESS.generating(1, 4)).toBeCloseTo(0.35)
})

test('whoever watches a job may leave after it completed, failed or was cancelled, and no sooner', () => {
  const event = (change: JobChange): JobEvent => ({
    ...change,
    seq: 1,
    job_id: 'job',
    status: 'queued',
    progress: 0,
    at: new Date(0),
  })
  const film = { key: 'k', duration: 1, width: 2, height: 2, file_size: 1, check: null, clips: [] }
  expect(endsJob(event({ type: 'completed', film }))).toBe(true)
  expect(endsJob(event({ type: 'failed', error: { code: 'join_failed', data: { reason: 'r' } } }))).toBe(true)
  expect(endsJob(event({ type: 'cancelled' }))).toBe(true)
  for (const type of ['queued', 'planning', 'merging', 'cancel_requested', 'resumed', 'retried'] as const) {
    expect(endsJob(event({ type }))).toBe(false)
  }
})
