/**
 * The ledger of one segment. A row is written `submitting` before the call that may cost money and `submitted`,
 * with the provider's request id, right after it: whatever is found after a crash says what may have been paid.
 */
export const SEGMENT_STATES = ['planned', 'submitting', 'submitted', 'rendered', 'stored'] as const

export type SegmentState = (typeof SEGMENT_STATES)[number]

const NEXT: Record<SegmentState, readonly SegmentState[]> = {
  planned: ['submitting'],
  // back to planned: the provider provably has no such request, or a person chose to pay again
  submitting: ['submitted', 'planned'],
  // back to planned: the provider says that the request failed
  submitted: ['rendered', 'planned'],
  // back to planned: what was delivered is no usable clip
  rendered: ['stored', 'planned'],
  stored: [],
}

/** The states in which a segment has a request at the provider, or may have. */
export const OCCUPYING: readonly SegmentState[] = ['submitting', 'submitted']

export function canMoveSegment(from: SegmentState, to: SegmentState): boolean {
  return NEXT[from].includes(to)
}

/** A request at the provider: its id, and the addresses that the provider gave for it. */
export interface RemoteRequest {
  id: string
  urls: Readonly<Record<string, string>>
}

/** One shot of a job as planned, rendered and paid. `index` counts from 1; `seconds` is the length asked for. */
export interface Segment {
  jobId: string
  index: number
  title: string
  prompt: string
  seconds: number
  model: string
  state: SegmentState
  request: RemoteRequest | null
  clipUrl: string | null
  costUsd: number | null
  /** How many requests the provider has accepted for it. */
  attempts: number
  /** When its row last changed. */
  updatedAt: Date
}
