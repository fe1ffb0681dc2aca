import type { ChatName } from '../../src/core/card.ts'
import type { Call } from './discord-calls.ts'
import type { DiscordFront } from './discord-front.ts'
import type { SlackFront } from './slack-world.ts'

/** Somebody who asks for films in a chat, and what the chat's own record says of them. */
export interface Member {
  chat: ChatName
  /** As the chat knows them. */
  id: string
  /** Gives the command. Where the bot is away nobody takes it: it may never resolve, or reject. */
  ask(prompt: string): Promise<unknown>
  /** How many direct messages they have got about a job. */
  told(jobId: string): number
  /** A card in their channel shows the finished film. */
  sees(jobId: string): boolean
  /** How often they were told that they have too many unfinished jobs. */
  refused(): number
}

const REFUSAL = 'unfinished jobs at once are allowed'

/** Somebody in a channel of their own in Discord. */
export async function discordMember(front: DiscordFront, name: string, segments: number): Promise<Member> {
  const person = await front.people.person(name)
  const place = front.people.channel()
  const { channelId } = await front.people.dm(person)
  const calls: Call[] = []
  const about = (channel: string, text: string) =>
    front
      .messages(channel)
      .filter((message) => JSON.stringify([message.text, message.components]).includes(text))
  return {
    chat: 'discord',
    id: person.id,
    async ask(prompt) {
      calls.push(await front.command(person, place, 'sora', { prompt, segments, seconds: 4 }))
    },
    told: (jobId) => about(channelId, jobId).length,
    sees: (jobId) => about(place.channelId, `films/${jobId}`).length > 0,
    refused: () => calls.filter((call) => call.answers().some(({ text }) => text.includes(REFUSAL))).length,
  }
}

/** Somebody in a workspace of their own in Slack. */
export function slackMember(front: SlackFront, segments: number): Member {
  const person = front.person()
  const place = front.place()
  return {
    chat: 'slack',
    id: person.id,
    ask: (prompt) => front.command(person, place, `${prompt} --segments ${segments} --seconds 4`),
    told: (jobId) => front.dms(person).filter(({ blocks }) => JSON.stringify(blocks).includes(jobId)).length,
    sees: (jobId) =>
      front.messages(place.channel).some(({ blocks }) => JSON.stringify(blocks).includes(`films/${jobId}`)),
    refused: () =>
      front.whispers.filter(({ user, text }) => user === person.id && text.includes(REFUSAL)).length,
  }
}
