import { createHash } from 'node:crypto'
import type { webApi } from '@slack/bolt'
import type { Log } from '../../core/ports.ts'
import type { CardMedia } from '../platform.ts'
import { chatErrorOf } from './faults.ts'

/** The pictures on cards, as files of Slack: an image block takes one that the same bot has uploaded, shared with nobody. */
export interface CardPictures {
  /** The id of a job's picture at Slack, uploaded where it isn't there yet; null where Slack doesn't take it. */
  idOf(jobId: string, media: CardMedia): Promise<string | null>
  /** The picture that a job's card has shown last, if this process knows. */
  known(jobId: string): string | null
  /** Removes what a card no longer shows. */
  settled(jobId: string, shown: string | null): Promise<void>
}

/** The uploads that are remembered. What falls out is uploaded once more. */
const REMEMBERED = 500

/** The pictures of one bot. docs.slack.dev/reference/block-kit/composition-objects/slack-file-object */
export function createCardPictures(client: webApi.WebClient, now: () => number, log: Log): CardPictures {
  const known = new Map<string, { id: string; hash: string; before: string[] }>()
  /** Until when Slack wants no more uploads, in milliseconds. */
  let pausedUntil = 0

  async function upload({ name, data }: CardMedia): Promise<string | null> {
    const answer = await client.files.uploadV2({ file: data, filename: name })
    const { files } = answer as { files?: { files?: { id?: string }[] }[] }
    return files?.[0]?.files?.[0]?.id ?? null
  }

  return {
    async idOf(jobId, media) {
      const hash = createHash('sha256').update(media.data).digest('base64')
      const last = known.get(jobId)
      if (last?.hash === hash) return last.id
      if (now() < pausedUntil) return last?.id ?? null
      try {
        const id = await upload(media)
        if (id === null) return null
        known.delete(jobId)
        known.set(jobId, { id, hash, before: last ? [...last.before, last.id] : [] })
        const [oldest = ''] = known.keys()
        if (known.size > REMEMBERED) known.delete(oldest)
        return id
      } catch (error) {
        pausedUntil = now() + (chatErrorOf(error).retryAfterMs ?? 0)
        // a card without a picture still says all that matters
        log.warn({ job_id: jobId, err: error }, 'no picture for a card')
        return null
      }
    },

    known: (jobId) => known.get(jobId)?.id ?? null,

    async settled(jobId, shown) {
      const picture = known.get(jobId)
      if (picture === undefined || picture.id !== shown) return
      for (const file of picture.before.splice(0)) {
        await client.files
          .delete({ file })
          .catch((error) => log.info({ job_id: jobId, err: error }, 'an old picture of a card stays'))
      }
    },
  }
}
