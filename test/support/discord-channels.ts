import { ChannelType } from 'discord.js'
import { type Asked, type Behind, type ErrorCode, type Outcome, refusal } from './discord-http.ts'
import type { Messages } from './discord-messages.ts'
import type { People } from './discord-people.ts'
import { shapeComplaints } from './discord-schemas.ts'

/** What a bot does in channels as itself: where it isn't, it may do nothing. */
export interface Channels {
  channel(asked: Asked, channelId: string, messageId: string | undefined): Promise<Outcome>
  openDm(asked: Asked): Promise<Outcome>
  /** What only the server behind knows. */
  other(asked: Asked): Promise<Outcome>
  /** Why the direct messages of a person are closed, by their id. */
  closedDms: Map<string, ErrorCode>
}

export function createChannels(behind: Behind, people: People, messages: Messages): Channels {
  const closedDms = new Map<string, ErrorCode>()

  async function channel(asked: Asked, channelId: string, messageId: string | undefined): Promise<Outcome> {
    const owner = people.ownerOf(channelId)
    const place = people.placeOf(channelId)
    if (!place) return { answer: refusal(10003), complaints: [] }
    if (place.kind === 'elsewhere' || place.kind === 'group')
      return { answer: refusal(50001), complaints: [] }
    if (asked.path === `/channels/${channelId}`) {
      const dm = { id: channelId, type: ChannelType.DM, recipients: [{ id: owner }] }
      return { answer: owner ? { status: 200, body: dm } : await behind('GET', asked.path), complaints: [] }
    }
    if (messageId === undefined) {
      if (asked.method !== 'POST')
        return { answer: await behind(asked.method, `${asked.path}?${asked.query}`), complaints: [] }
      const closed = closedDms.get(owner ?? '')
      if (closed) return { answer: refusal(closed), complaints: [] }
      return messages.create('message', asked.path, asked, { channelId })
    }
    const message = messages.all.get(messageId)
    if (!message || message.deleted || message.private || message.channelId !== channelId) {
      return { answer: refusal(10008), complaints: [] }
    }
    if (asked.method === 'PATCH') return messages.edit('message edit', asked.path, asked, message)
    if (asked.method === 'DELETE') message.deleted = true
    return { answer: await behind(asked.method, asked.path), complaints: [] }
  }

  async function openDm({ body }: Asked): Promise<Outcome> {
    const complaints = shapeComplaints('dm channel', body)
    if (complaints.length > 0) return { answer: refusal(50035, complaints), complaints }
    const { recipient_id } = body as { recipient_id: string }
    const user = await behind('GET', `/users/${recipient_id}`)
    if (user.status !== 200) return { answer: user, complaints: [] }
    const { channelId } = await people.dm({ id: recipient_id, name: '' })
    const dm = {
      id: channelId,
      type: ChannelType.DM,
      flags: 0,
      last_message_id: null,
      recipients: [user.body],
    }
    return { answer: { status: 200, body: dm }, complaints: [] }
  }

  async function other({ method, path, body }: Asked): Promise<Outcome> {
    const answer = await behind(method, path, body)
    return { answer, complaints: answer.status === 404 ? ['there is no such route'] : [] }
  }

  return { channel, openDm, other, closedDms }
}
