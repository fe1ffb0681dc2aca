import type { webApi } from '@slack/bolt'
import { checkPicture, type FetchedPicture, fetchPicture, unreadablePicture } from '../picture.ts'
import { openPublicLink } from '../public-link.ts'

/** Where Slack keeps what people share. */
const FILE_HOST = 'files.slack.com'

const FETCH_TIMEOUT_MS = 30_000

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
 * own host alone, or from that of `apiUrl`. Throws `UserError` `image_…`.
 */
export async function fetchNamedPicture(
  named: NamedPicture,
  { client, token, apiUrl }: { client: webApi.WebClient; token: string; apiUrl: string },
): Promise<FetchedPicture> {
  if ('link' in named) {
    return fetchPicture({ name: named.link, contentType: null }, () => openPublicLink(named.link))
  }
  const file = await client.files.info({ file: named.fileId }).then(
    (answer) => answer.file,
    (error) => {
      throw unreadablePicture(named.fileId, error)
    },
  )
  const { name = named.fileId, size = 0, mimetype, original_w, original_h } = file ?? {}
  const [width = null, height = null] = [original_w, original_h].map((side) => (side ? Number(side) : null))
  const picture = { name, size, contentType: mimetype || null, width, height }
  checkPicture(picture)
  return fetchPicture(picture, async () => {
    const url = URL.parse(file?.url_private_download ?? file?.url_private ?? '')
    const isSlacks = url?.protocol === 'https:' && url.port === '' && url.hostname === FILE_HOST
    if (url === null || !(isSlacks || url.origin === new URL(apiUrl).origin)) throw unreadablePicture(name)
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    })
    if (!answer.ok || answer.body === null) throw new Error(`${url.hostname} answered ${answer.status}`)
    return answer.body
  })
}
