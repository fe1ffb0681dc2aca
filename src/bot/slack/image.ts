import type { webApi } from '@slack/bolt'
import {
  bodyOf,
  checkPicture,
  type FetchedPicture,
  fetchPicture,
  noPicture,
  unreadablePicture,
} from '../picture.ts'
import { openPublicLink } from '../public-link.ts'
import { chatErrorOf } from './faults.ts'

/** Where Slack keeps what people share. */
const FILE_HOST = 'files.slack.com'

/** A picture that somebody named: by the id of a file at Slack, or by a link. */
export type NamedPicture = { fileId: string } | { link: string }

/** A link to a file that was shared in Slack names the file; any other is a link to the internet. */
export function namedPicture(link: string): NamedPicture {
  const url = URL.parse(link)
  const isSlacks = url?.protocol === 'https:' && /(^|\.)slack\.com$/.test(url.hostname)
  const fileId = isSlacks
    ? /\/(?:files\/[UW]\w+\/|files-pri\/T\w+-)(F[A-Z0-9]+)/.exec(url.pathname)?.[1]
    : undefined
  return fileId === undefined ? { link } : { fileId }
}

/**
 * Begins to fetch a picture. A file at Slack is looked up first, checked by what Slack says of it, and fetched with the bot's token from Slack's
 * own host alone, or from that of `apiUrl`. The bot sees files that the person may not: only one that they have shared, that is public, or
 * that stands where they ask will do. `stopping` ends it. Throws `UserError` `image_…`, and what may work later.
 */
export async function fetchNamedPicture(
  named: NamedPicture,
  asked: { userId: string; channelId: string },
  deps: { client: webApi.WebClient; token: string; apiUrl: string; stopping: AbortSignal },
): Promise<FetchedPicture> {
  const { client, token, apiUrl, stopping } = deps
  if ('link' in named) {
    return fetchPicture({ contentType: null }, (signal) => openLink(named.link, signal), stopping)
  }
  const file = await client.files.info({ file: named.fileId }).then(
    (answer) => answer.file,
    (error) => {
      throw chatErrorOf(error).fault === 'passing' ? error : unreadablePicture(named.fileId, error)
    },
  )
  const places = [...(file?.channels ?? []), ...(file?.groups ?? []), ...(file?.ims ?? [])]
  const isTheirs = file?.user === asked.userId || file?.is_public || places.includes(asked.channelId)
  if (!isTheirs) throw unreadablePicture(named.fileId)
  const { name = named.fileId, size = 0, mimetype, original_w, original_h } = file ?? {}
  const [width = null, height = null] = [original_w, original_h].map((side) => (side ? Number(side) : null))
  const picture = { name, size, contentType: mimetype || null, width, height }
  checkPicture(picture)
  const open = async (signal: AbortSignal) => {
    const url = URL.parse(file?.url_private_download ?? file?.url_private ?? '')
    const isSlacks = url?.protocol === 'https:' && url.port === '' && url.hostname === FILE_HOST
    if (url === null || !(isSlacks || url.origin === new URL(apiUrl).origin)) throw unreadablePicture(name)
    const headers = { authorization: `Bearer ${token}` }
    return bodyOf(name, await fetch(url, { headers, redirect: 'manual', signal }))
  }
  return fetchPicture(picture, open, stopping)
}

/** A link that can't be opened is the person's to mend, unless its host is down or the program stops. */
async function openLink(link: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const answer = await openPublicLink(link, signal).catch((error) => {
    throw signal.aborted ? error : unreadablePicture(link, error)
  })
  if (answer.statusCode === 200) return answer
  answer.destroy()
  throw noPicture(link, new URL(link).hostname, answer.statusCode)
}
