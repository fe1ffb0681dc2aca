import {
  bodyOf,
  type FetchedPicture,
  fetchPicture,
  type GivenPicture,
  unreadablePicture,
} from '../picture.ts'

/** A picture that somebody attached to a command. */
export interface AttachedImage extends GivenPicture {
  url: string
}

/** Where Discord keeps what people attach. */
const HOSTS = ['cdn.discordapp.com', 'media.discordapp.net']

/**
 * Begins to fetch a picture: from Discord's own hosts alone, and from that of `apiUrl`, without following anywhere else. `stopping` ends it.
 */
export function fetchAttachedImage(
  image: AttachedImage,
  apiUrl: string,
  stopping: AbortSignal,
): FetchedPicture {
  const open = async (signal: AbortSignal) => {
    const address = URL.parse(image.url)
    const isDiscords =
      address?.protocol === 'https:' && address.port === '' && HOSTS.includes(address.hostname)
    if (address === null || !(isDiscords || address.origin === new URL(apiUrl).origin)) {
      throw unreadablePicture(image.name)
    }
    return bodyOf(image.name, await fetch(address, { redirect: 'manual', signal }))
  }
  return fetchPicture(image, open, stopping)
}
