import type { Page } from 'playwright-core'
import { BEEP_SECONDS, beepsIn, HEIGHTS_OF_NUMBER, LOUD, NUMBER_BITS } from './numbered-clips.ts'

/** A frame that was on the screen: the time that the film gives it, in seconds, and the number that it shows. */
export interface ShownFrame {
  at: number
  number: number
}

/** What was seen and heard of a film. `beeps`: the film's time at which each was heard, in seconds. */
export interface Playback {
  frames: ShownFrame[]
  beeps: number[]
}

const SAMPLE_RATE = 48_000

/** How far around a beep the two clocks are compared, in seconds: either alone jumps by some milliseconds. */
const CLOCK_WINDOW = 1

/** Opens a film in a page, with what reads a frame's number off a canvas. The film must be one of numbered clips. */
export async function openFilm(page: Page, name: string): Promise<void> {
  await page.evaluate(
    async ({ name, bits, heights }) => {
      const video = document.createElement('video')
      const canvas = new OffscreenCanvas(bits * 8, 8)
      const pen = canvas.getContext('2d', { willReadFrequently: true })
      if (pen === null) throw new Error('No canvas')
      // A frame with its own time: the element may be at the next one already when its picture is drawn.
      const read = () => {
        const frame = new VideoFrame(video)
        const { displayWidth, displayHeight, timestamp } = frame
        pen.drawImage(frame, 0, 0, displayWidth, displayHeight / heights, 0, 0, canvas.width, canvas.height)
        frame.close()
        const { data } = pen.getImageData(0, 4, canvas.width, 1)
        let number = 0
        for (let bit = 0; bit < bits; bit++) if ((data[(bit * 8 + 4) * 4] ?? 0) > 127) number += 2 ** bit
        return { at: timestamp / 1e6, number }
      }
      Object.assign(globalThis, { video, read })
      document.body.append(video)
      const ready = new Promise((shown, failed) => {
        video.requestVideoFrameCallback(shown)
        video.onerror = () => failed(new Error(video.error?.message))
      })
      video.src = name
      await ready
    },
    { name, bits: NUMBER_BITS, heights: HEIGHTS_OF_NUMBER },
  )
}

declare const video: HTMLVideoElement
declare const read: () => ShownFrame

/** Plays the open film with its sound from its beginning to its end, as fast as a viewer does. */
export async function playFilm(page: Page): Promise<Playback> {
  const options = { sampleRate: SAMPLE_RATE, limit: LOUD }
  const { frames, clocks, loud } = await page.evaluate(async ({ sampleRate, limit }) => {
    const context = new AudioContext({ sampleRate })
    // In the sound's own thread: what keeps the page busy leaves no hole in it.
    const listener = `registerProcessor('listener', class extends AudioWorkletProcessor {
      process([[channel = []]]) {
        this.port.postMessage([...channel.keys()].filter((i) => Math.abs(channel[i]) > ${limit}).map((i) => currentFrame + i))
        return true
      }
    })`
    await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(listener)}`)
    const node = new AudioWorkletNode(context, 'listener', { channelCount: 1, channelCountMode: 'explicit' })
    context.createMediaElementSource(video).connect(node).connect(context.destination)
    const loud: number[] = []
    node.port.onmessage = ({ data }) => loud.push(...data)
    const frames = [read()]
    const clocks: { sound: number; film: number }[] = []
    const look = () => {
      frames.push(read())
      clocks.push({ sound: context.currentTime, film: video.currentTime })
      video.requestVideoFrameCallback(look)
    }
    video.requestVideoFrameCallback(look)
    const ended = new Promise((done) => {
      video.onended = done
    })
    await video.play()
    await ended
    await context.close()
    return { frames, clocks, loud }
  }, options)
  const beeps = beepsIn(loud, SAMPLE_RATE).map((heard) => {
    const near = clocks.filter(({ sound }) => Math.abs(sound - heard - BEEP_SECONDS) < CLOCK_WINDOW)
    return heard - median(near.map(({ sound, film }) => sound - film))
  })
  return { frames, beeps }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** How long a frame may take to the screen after its jump, in ms. */
const PAINT_MS = 1000

/** Jumps to each of these times of the open film, in seconds, while it stands still. Returns the numbers that are then shown. */
export function seekNumbers(page: Page, times: readonly number[]): Promise<number[]> {
  return page.evaluate(
    async ({ times, patience }) => {
      video.pause()
      const numbers: number[] = []
      for (const time of times) {
        const { at } = read()
        const sought = new Promise((done) => {
          video.onseeked = done
        })
        video.currentTime = time
        await sought
        // The jump is over before its frame is there.
        const end = performance.now() + patience
        while (read().at === at && performance.now() < end) await new Promise(requestAnimationFrame)
        numbers.push(read().number)
      }
      return numbers
    },
    { times, patience: PAINT_MS },
  )
}

/** Where the beeps lie in a film's sound as the browser decodes it, in seconds: exact, and without a clock. */
export async function decodedBeeps(page: Page, name: string): Promise<number[]> {
  const loud = await page.evaluate(
    async ({ name, sampleRate, limit }) => {
      const file = await (await fetch(name)).arrayBuffer()
      const sound = await new OfflineAudioContext(1, 1, sampleRate).decodeAudioData(file)
      const samples = sound.getChannelData(0)
      return [...samples.keys()].filter((i) => Math.abs(samples[i] ?? 0) > limit)
    },
    { name, sampleRate: SAMPLE_RATE, limit: LOUD },
  )
  return beepsIn(loud, SAMPLE_RATE)
}
