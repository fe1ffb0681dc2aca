import { createHash } from 'node:crypto'
import type { webApi } from '@slack/bolt'
import type { Log } from '../../core/ports.ts'
import type { CardMedia } from '../platform.ts'

/** The pictures on cards, as files of Slack: an image block takes one that the same bot has uploaded, shared with nobody. */
export interface CardPictures {
  /** The id of a job's picture at Slack, uploaded where it isn't there yet; null where Slack doesn't take it. */
  idOf(jobId: string, media: CardMedia): Promise<string | null>
  /** Removes what a card no longer shows. */
  settled(jobId: string, shown: string | null): Promise<void>
}

/** The uploads that are remembered. What falls out is uploaded once more. */
const REMEMBERED = 500

/** The pictures of one bot. docs.slack.dev/reference/block-kit/composition-objects/slack-file-object */
export function createCardPictures(client: webApi.WebClient, log: Log): CardPictures {
  const known = new Map<string, { id: string; hash: string; before: string[] }>()

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
      try {
        const id = await upload(media)
        if (id === null) return null
        known.delete(jobId)
        known.set(jobId, { id, hash, before: last ? [...last.before, last.id] : [] })
        for (const old of [...known.keys()].slice(0, -REMEMBERED)) known.delete(old)
        return id
      } catch (error) {
        // a card without a picture still says all that matters
        log.warn({ job_id: jobId, err: error }, 'no picture for a card')
        return null
      }
    },

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
