import { openClip, type Scratch } from '../clip-file.ts'
import { shownAt } from '../clip-info.ts'
import type { Ffmpeg } from '../ffmpeg.ts'
import type { Encode } from './encode-once.ts'
import { pictureEncoding, soundEncoding, streamTags } from './encoding.ts'
import type { FilmFormat } from './format.ts'
import { cutBefore, entryFrom, type Piece, pieceTimes, wholePiece } from './piece.ts'
import type { Strip, StripPiece } from './strip.ts'

interface Bridge {
  /** Where the copied part of the clip before ends, in samples. */
  cut: number
  /** Where the copied part of the clip after starts; null: it is encoded to its end. */
  entry: number | null
}

/**
 * Lets each clip dissolve into the next over `ms`, at the most over half of the shortest one. Only the passage from the dissolve to the
 * next place where a copy can go on is encoded anew; a clip without such a place is encoded whole. Throws `MediaError`.
 */
export async function crossfade(
  ffmpeg: Ffmpeg,
  strip: Strip,
  ms: number,
  format: FilmFormat,
  encode: Encode,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Strip> {
  const shortest = Math.min(...framesOfClips(strip))
  const wanted = Math.round((ms * format.fps) / 1000)
  // One frame of each clip stays by itself, so that no dissolve runs into the next.
  const overlap = Math.min(wanted, Math.floor((shortest - 1) / 2))
  const [first, ...rest] = strip.pieces
  if (first === undefined || overlap < 1) return strip
  const pieces: StripPiece[] = []
  const whole = new Set(strip.whole)
  let left = first
  for (const [i, right] of rest.entries()) {
    if (right.clip === left.clip) {
      pieces.push(left)
      left = right
      continue
    }
    const followed = i + 1 < rest.length
    const bridge = placeBridge(left, right, overlap, followed)
    const path = await encodeBridge(left, right, bridge, overlap, format, encode)
    const encoded = wholePiece(await openClip(ffmpeg, { path, untagged: format.matrix }, scratch, signal))
    const solo = left.to - bridge.cut - overlap
    const seam = (solo + overlap / 2) / format.fps
    if (bridge.cut > left.from) pieces.push({ ...left, to: bridge.cut })
    if (bridge.entry === null) {
      whole.add(right.clip)
      left = { ...encoded, clip: right.clip, seam }
    } else {
      pieces.push({ ...encoded, clip: right.clip, seam })
      left = { ...right, from: bridge.entry }
    }
  }
  return { pieces: [...pieces, left], whole }
}

function framesOfClips({ pieces }: Strip): number[] {
  const frames: number[] = []
  for (const { clip, from, to } of pieces) frames[clip] = (frames[clip] ?? 0) + to - from
  return frames
}

/** `followed`: after `right` comes another dissolve, for which enough must be left of it. */
function placeBridge(left: Piece, right: Piece, overlap: number, followed: boolean): Bridge {
  const before = pieceTimes(left)
  const after = pieceTimes(right)
  const frameOf = (piece: Piece, { first, end }: { first: number; end: number }) =>
    (end - first) / (piece.to - piece.from)
  // Half a frame is left for times that were rounded.
  const last = before.end - (overlap + 0.5) * frameOf(left, before)
  const next = after.first + (overlap + 0.5) * frameOf(right, after)
  const entry = entryFrom(right.mp4.video, next)
  const remaining = entry === null ? 0 : right.to - entry
  return {
    cut: Math.max(left.from, cutBefore(left.mp4.video, last)),
    entry: remaining > (followed ? overlap : 0) ? entry : null,
  }
}

function encodeBridge(
  left: Piece,
  right: Piece,
  { cut, entry }: Bridge,
  overlap: number,
  format: FilmFormat,
  encode: Encode,
): Promise<string> {
  const { fps } = format
  const leftFrames = left.to - cut
  const rightFrames = (entry ?? right.to) - right.from
  const solo = leftFrames - overlap
  const even = `setpts=N/${fps}/TB,setsar=1`
  // One frame late: the first one would have no weight yet, and what it shows already stands before it.
  const late = `setpts=(N+1)/${fps}/TB,setsar=1`
  const fadeIn = `format=yuva420p,fade=t=in:d=${(overlap + 1) / fps}:alpha=1`
  const graph = [
    '[0:V:0]split[a0][a1]',
    '[1:V:0]split[b0][b1]',
    `[a0]trim=start_frame=${cut}:end_frame=${cut + solo},${even},format=yuv420p[head]`,
    `[a1]trim=start_frame=${cut + solo}:end_frame=${left.to},${late}[under]`,
    `[b0]trim=start_frame=${right.from}:end_frame=${right.from + overlap},${late},${fadeIn}[over]`,
    `[under][over]overlay,${even},format=yuv420p[middle]`,
    `[b1]trim=start_frame=${right.from + overlap}:end_frame=${right.from + rightFrames},${even},format=yuv420p[tail]`,
    `[head][middle][tail]concat=n=3,${streamTags(format)}[picture]`,
    ...soundGraph(
      soundOf(0, left, cut, leftFrames / fps, format),
      soundOf(1, right, right.from, rightFrames / fps, format),
      { solo: solo / fps, overlap: overlap / fps },
    ),
  ]
  return encode({
    inputs: [{ source: left.path }, { source: right.path }],
    filter: graph.join(';'),
    options: [
      ...['-map', '[picture]', '-map', '[sound]'],
      ...pictureEncoding(format),
      ...soundEncoding(format),
    ],
  })
}

/** The sound of a passage, as the pad `[sound]`. Its parts are made one by one: ffmpeg 4.1's own crossfade can crash. Seconds. */
function soundGraph(left: string, right: string, { solo, overlap }: { solo: number; overlap: number }) {
  const fade = (type: 'in' | 'out') => `asetpts=N/SR/TB,afade=t=${type}:d=${overlap}:curve=qsin`
  return [
    `${left},asplit[l0][l1]`,
    `${right},asplit[r0][r1]`,
    `[l0]atrim=end=${solo},asetpts=N/SR/TB[before]`,
    `[l1]atrim=start=${solo},${fade('out')}[falling]`,
    `[r0]atrim=end=${overlap},${fade('in')}[rising]`,
    `[r1]atrim=start=${overlap},asetpts=N/SR/TB[after]`,
    // amix halves what it adds up
    '[falling][rising]amix=inputs=2,volume=2[both]',
    // without a gap of a rounded sample where the parts meet
    '[before][both][after]concat=n=3:v=0:a=1,asetpts=N/SR/TB[sound]',
  ]
}

/** A piece's sound from one of its frames on, exactly as long as its picture there. */
function soundOf(input: number, piece: Piece, frame: number, seconds: number, { sound }: FilmFormat): string {
  const { video, audio } = piece.mp4
  const layout = sound.channels === 1 ? 'mono' : 'stereo'
  const shape = `aformat=sample_fmts=fltp:sample_rates=${sound.sampleRate}:channel_layouts=${layout}`
  const length = `atrim=end=${seconds},asetpts=N/SR/TB`
  if (audio === null) return `anullsrc=r=${sound.sampleRate}:cl=${layout},${length},${shape}`
  const { first } = pieceTimes({ ...piece, from: frame })
  const start = Math.max(0, shownAt(video, first))
  // Sound that only begins within the passage has silence in front of it.
  const late = Math.max(0, Math.round((audio.delay - start) * sound.sampleRate))
  const sounding = `[${input}:a:0]atrim=start=${start},asetpts=PTS-STARTPTS,${shape}`
  return `${sounding},adelay=${Array(sound.channels).fill(`${late}S`).join('|')},apad,${length}`
}
