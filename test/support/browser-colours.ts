import type { Page } from 'playwright-core'

/** Opens a film in a page and reads what is seen at a moment (seconds) in places across its middle (0..1 of its width): RGB, 0..255. */
export function coloursShown(
  page: Page,
  name: string,
  moment: number,
  places: readonly number[],
): Promise<number[][]> {
  return page.evaluate(
    async ({ name, moment, places }) => {
      const video = document.createElement('video')
      document.body.append(video)
      const shown = (set: () => void) =>
        new Promise((seen, failed) => {
          video.requestVideoFrameCallback(seen)
          video.onerror = () => failed(new Error(video.error?.message))
          set()
        })
      await shown(() => {
        video.src = name
      })
      await shown(() => {
        video.currentTime = moment
      })
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight)
      const pen = canvas.getContext('2d', { willReadFrequently: true })
      if (pen === null) throw new Error('No canvas')
      pen.drawImage(video, 0, 0)
      return places.map((place) => {
        const { data } = pen.getImageData(Math.round(place * canvas.width), canvas.height >> 1, 1, 1)
        return [...data.slice(0, 3)]
      })
    },
    { name, moment, places },
  )
}
