import type { Fields, SlackCall } from './slack-calls.ts'
import type { Acknowledged, Deliveries, Signing } from './slack-deliveries.ts'

/** Somebody in the workspace, with the language that they have set. */
export interface SlackPerson {
  id: string
  name: string
  locale: string
}

/** Where something is asked for. Rates are a workspace's: each place is in one of its own. */
export interface SlackPlace {
  channel: string
  team: string
}

/** A message as people see it. `texts`: everything that it has said so far, one for each state. */
export interface SlackShown {
  ts: string
  channel: string
  text: string
  texts: string[]
  blocks: Fields[]
  called: string[]
  /** Uploaded files that it shows as pictures. */
  pictures: string[]
  deleted: boolean
}

/** What somebody alone is told: by the address of their command, or in the channel. */
export interface Whisper {
  user: string
  text: string
  blocks: Fields[]
  by: 'response_url' | 'postEphemeral'
}

/** A file that was shared in a channel or a thread. */
export interface SharedFile {
  channel: string
  thread: string
  name: string
}

/**
 * What goes wrong: one of Slack's errors, a 429 with seconds, a page or a status of something that stands between, or the answer is held
 * or lost after the call was carried out.
 */
export type SlackFailure =
  | string
  | { retryAfter: number }
  | { page: string; status: number }
  | { after: 'lost' }
  | { after: Promise<void> }

/** Slack, as far as a bot sees it: an emulator of others' behind a front that judges. */
export interface SlackFront {
  url: string
  token: string
  appToken: string
  signingSecret: string
  deliveries: Deliveries
  calls: SlackCall[]
  /** Everything that a bot did wrong. A test is right where this is empty in the end. */
  invalid: string[]
  whispers: Whisper[]
  files: SharedFile[]
  /** Pictures that were uploaded and not removed again. */
  kept(): string[]
  person(locale?: string): SlackPerson
  /** A channel in a workspace of its own, or in that of another place: people are others in another workspace. */
  place(beside?: SlackPlace): SlackPlace
  command(person: SlackPerson, place: SlackPlace, text: string, how?: Signing): Promise<Commanded>
  /** Presses the button of this action. */
  press(
    person: SlackPerson,
    place: SlackPlace,
    message: Pick<SlackShown, 'blocks'>,
    action: string,
  ): Promise<Acknowledged>
  /** The modal that this command has opened; waits for no one. */
  modal(triggerId: string): (Fields & { id: string }) | undefined
  submit(
    person: SlackPerson,
    place: SlackPlace,
    view: Fields & { id: string },
    values: Fields,
  ): Promise<Acknowledged>
  messages(channel: string): SlackShown[]
  dms(person: SlackPerson): SlackShown[]
  /** Lets the next calls of a method fail; `of`: those about this channel or person. */
  fail(method: string, failure: SlackFailure, times?: number, of?: string): void
  heal(): void
  /** The workspace of this place takes no plans, as older ones. */
  refusePlans(place: SlackPlace): void
  /** A picture that is public in its workspace, or that this person has shared with the bot alone. */
  share(
    name: string,
    mimetype: string,
    bytes: Buffer,
    about?: { width?: number; height?: number; by?: SlackPerson },
  ): string
  deleteMessage(channel: string, ts: string): void
  /** Closes the connection by which the bot hears of everything, as Slack does all the time. */
  disconnect(): void
  close(): Promise<void>
}

export interface Commanded {
  /** By which Slack knows the command; a repeated delivery has the same. */
  triggerId: string
  acknowledged: Acknowledged
  again(how?: Signing): Promise<Acknowledged>
}
