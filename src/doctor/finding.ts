import type { ConfigProblem } from '../config.ts'
import type { ErrorDetail } from '../core/errors.ts'

/** What is looked at, in the order in which it is told. */
export type Check =
  | 'settings'
  | 'data'
  | 'disk'
  | 'ffmpeg'
  | 'database'
  | 'storage'
  | 'openai'
  | 'fal'
  | 'models'
  | 'discord'
  | 'slack'
  | 'clock'

/** What can be found, with the data that its wording needs: `doctor.<code>` in `i18n`. Sizes are in MB, times in ms or seconds. */
export interface Found {
  settings_right: Record<string, never>
  off: { variable: string }
  failed: { reason: string }
  data_ready: { path: string }
  data_held: { path: string; pid: number }
  disk_enough: { free: number; least: number }
  ffmpeg_runs: { version: string; path: string }
  database_answers: { version: string; ms: number }
  database_new: { version: string; count: number }
  database_ahead: { version: string; count: number }
  database_deaf: { version: string }
  database_embedded: { path: string }
  storage_works: { where: string; ms: number }
  storage_fails: { where: string; reason: string }
  key_works: { ms: number }
  key_refused: { variable: string; reason: string }
  no_answer: { host: string; reason: string }
  planner_model_closed: { model: string }
  discord_sends_requests: { url: string }
  discord_key_wrong: Record<string, never>
  discord_has_no_url: Record<string, never>
  models_live: { count: number }
  models_changed: { differences: string }
  clock_right: { seconds: string; host: string }
  clock_wrong: { seconds: string; host: string }
  clock_unknown: Record<string, never>
}

/** How it is: `note` works, but not as well as it could; `off` was never set up. */
export type State = 'right' | 'note' | 'off' | 'wrong'

/** One line of what the doctor says: its own words, those of an error, or those of a variable that can't be used. */
export type Finding = { check: Check; state: State } & (
  | { [C in keyof Found]: { code: C; data: Found[C] } }[keyof Found]
  | { error: ErrorDetail }
  | { problem: ConfigProblem }
)

/** A finding of one's own words. */
export function found<C extends keyof Found>(check: Check, state: State, code: C, data: Found[C]): Finding {
  return { check, state, code, data } as Finding
}
