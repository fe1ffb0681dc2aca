import { type FetchedPicture, fetchPicture, type GivenPicture, unreadablePicture } from '../picture.ts'

/** A picture that somebody attached to a command. */
export interface AttachedImage extends GivenPicture {
  url: string
}

/** Where Discord keeps what people attach. */
const HOSTS = ['cdn.discordapp.com', 'media.discordapp.net']

const FETCH_TIMEOUT_MS = 30_000

/** Begins to fetch a picture: from Discord's own hosts alone, and from that of `apiUrl`, without following anywhere else. */
export function fetchAttachedImage(image: AttachedImage, apiUrl: string): FetchedPicture {
  return fetchPicture(image, async () => {
    const address = URL.parse(image.url)
    const isDiscords =
      address?.protocol === 'https:' && address.port === '' && HOSTS.includes(address.hostname)
    if (address === null || !(isDiscords || address.origin === new URL(apiUrl).origin)) {
      throw unreadablePicture(image.name)
    }
    const answer = await fetch(address, {
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    })
    if (!answer.ok || answer.body === null) throw new Error(`${address.hostname} answered ${answer.status}`)
    return answer.body
  })
}
