import type { ShotMark } from '../core/outlook.ts'

/** How a shot's mark looks in a line of text. */
export const MARKS: Record<ShotMark, string> = {
  done: '✅',
  working: '🎬',
  waiting: '▫️',
  failed: '❌',
  left: '▪️',
}

const BAR = 16

/** A progress of 0..1 as a bar with its percentage. */
export function progressBar(progress: number): string {
  const filled = Math.round(progress * BAR)
  return `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${percent(progress)}`
}

/** A progress of 0..1 as people read it. */
export function percent(progress: number): string {
  return `${Math.round(progress * 100)}%`
}
