import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FfmpegInput } from '../../src/pipeline/media/ffmpeg.ts'
import { ffmpeg } from './clips.ts'
import {
  asHeAac,
  withBunches,
  withJitter,
  withLastFrame,
  withoutPackets,
  withSampleBytes,
  withTrailingBytes,
} from './mp4-patches.ts'

/** Two seconds of 320×180 at 24 frames a second with tones, of a kind that a generator, a phone, a recorder or a muxer writes. */
export interface OddClip {
  /** What becomes of its packets in a film. */
  picture: 'copied' | 'encoded'
  sound: 'copied' | 'encoded' | 'none'
  /** Frames a second that its film has. */
  fps?: number
  /** Why something is encoded. */
  why?: string
  /** Options for the picture, after those that make it H.264. */
  video?: readonly string[]
  rate?: number
  audio?: readonly string[]
  tone?: { rate?: number; seconds?: number; delay?: number; count?: number } | null
  /** The container, if it isn't MP4. */
  format?: '.mkv'
  /** A second pass over the file that was made: options of a copy. */
  again?: readonly string[]
  patch?: (file: Buffer) => Buffer
}

const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
const TAGGED = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709']
const WIDE = ['-pix_fmt', 'yuv420p10le', '-color_primaries', 'bt2020', '-colorspace', 'bt2020nc']

/** The kinds, by name, as docs/clips.md lists them. */
export const ODD_CLIPS: Readonly<Record<string, OddClip>> = {
  plain: { picture: 'copied', sound: 'copied' },
  'tagged-709': { picture: 'copied', sound: 'copied', video: TAGGED },
  'b-frames-one-gop': { picture: 'copied', sound: 'copied', video: ['-bf', '2', '-g', '9999'] },
  'open-gop': {
    picture: 'copied',
    sound: 'copied',
    video: ['-x264-params', 'open-gop=1:keyint=12:bframes=3'],
  },
  'sps-id': { picture: 'copied', sound: 'copied', video: ['-x264-params', 'sps-id=3'] },
  'trailing-avcc': { picture: 'copied', sound: 'copied', patch: withTrailingBytes },
  // sound
  'aac-hole': {
    ...{ picture: 'copied', sound: 'encoded', why: 'a packet that lasts longer (Sora 2, 4 and 10 s)' },
    ...{ tone: { rate: 96_000 }, audio: ['-af', "asetpts='if(gte(N,47),PTS+8576,PTS)'"] },
  },
  'aac-jitter': {
    ...{ picture: 'copied', sound: 'encoded', why: 'packets of uneven lengths (Android, Samsung)' },
    patch: withJitter,
  },
  'he-aac': {
    ...{ picture: 'copied', sound: 'encoded', why: 'packets of 2048 samples' },
    ...{ tone: { rate: 24_000 }, patch: asHeAac },
  },
  'aac-96k': { picture: 'copied', sound: 'copied', tone: { rate: 96_000 } },
  'mono-44': { picture: 'copied', sound: 'copied', tone: { rate: 44_100 }, audio: ['-ac', '1'] },
  mp3: { picture: 'copied', sound: 'encoded', why: 'MP3', audio: ['-c:a', 'libmp3lame'] },
  opus: { picture: 'copied', sound: 'encoded', why: 'Opus', audio: ['-c:a', 'libopus', '-strict', '-2'] },
  pcm: { picture: 'copied', sound: 'encoded', why: 'PCM', audio: ['-c:a', 'pcm_s16le', '-f', 'mov'] },
  'sound-longer': { picture: 'copied', sound: 'copied', tone: { seconds: 3.1 } },
  'sound-short': { picture: 'copied', sound: 'copied', tone: { seconds: 0.4 } },
  'sound-late': { picture: 'copied', sound: 'copied', tone: { delay: 0.5 } },
  'sound-empty': { picture: 'copied', sound: 'none', patch: withoutPackets },
  'two-sounds': { picture: 'copied', sound: 'copied', tone: { count: 2 } },
  silent: { picture: 'copied', sound: 'copied', audio: ['-af', 'volume=0'] },
  none: { picture: 'copied', sound: 'none', tone: null },
  // the picture's times
  bunched: { picture: 'copied', sound: 'none', tone: null, video: ['-bf', '3'], patch: withBunches },
  'last-zero': { picture: 'copied', sound: 'copied', patch: (file) => withLastFrame(file, 0) },
  'last-long': {
    ...{ picture: 'copied', sound: 'copied', video: ['-bf', '0'] },
    patch: (file) => withLastFrame(file, 512 * 12),
  },
  'frames-dropped': {
    ...{ picture: 'copied', sound: 'copied' },
    video: ['-vf', "select='not(eq(mod(n,11),5))'", '-vsync', '2'],
  },
  'eight-a-second': { picture: 'copied', sound: 'copied', rate: 8, fps: 8 },
  'thirty-a-second': { picture: 'copied', sound: 'copied', rate: 30, fps: 30 },
  'one-frame': { picture: 'copied', sound: 'copied', video: ['-frames:v', '1'] },
  'two-frames': { picture: 'copied', sound: 'copied', video: ['-frames:v', '2'] },
  // the picture
  rotated: {
    ...{ picture: 'encoded', sound: 'copied', why: 'a turned picture' },
    again: ['-metadata:s:v:0', 'rotate=90'],
  },
  sar: {
    picture: 'encoded',
    sound: 'copied',
    why: 'pixels that are not square',
    video: ['-vf', 'setsar=484/405'],
  },
  'full-range': {
    ...{ picture: 'encoded', sound: 'copied', why: 'full range' },
    video: ['-vf', 'scale=out_range=pc', '-pix_fmt', 'yuvj420p', '-color_range', 'pc'],
  },
  yuv444: { picture: 'encoded', sound: 'copied', why: '4:4:4', video: ['-pix_fmt', 'yuv444p'] },
  'ten-bit': { picture: 'encoded', sound: 'copied', why: '10 bit', video: ['-pix_fmt', 'yuv420p10le'] },
  hlg: {
    ...{ picture: 'encoded', sound: 'copied', why: 'HLG, tone-mapped' },
    video: [...WIDE, '-color_trc', 'arib-std-b67'],
  },
  pq: {
    ...{ picture: 'encoded', sound: 'copied', why: 'PQ, tone-mapped' },
    video: [...WIDE, '-color_trc', 'smpte2084'],
  },
  interlaced: {
    ...{ picture: 'encoded', sound: 'copied', why: 'interlaced' },
    video: ['-flags', '+ilme+ildct'],
  },
  hevc: {
    ...{ picture: 'encoded', sound: 'copied', why: 'HEVC' },
    video: ['-c:v', 'libx265', '-x265-params', 'log-level=error', '-tag:v', 'hvc1'],
  },
  vp9: {
    ...{ picture: 'encoded', sound: 'copied', why: 'VP9' },
    video: ['-c:v', 'libvpx-vp9', '-b:v', '300k', '-deadline', 'realtime', '-cpu-used', '8'],
  },
  // the container
  mkv: { picture: 'copied', sound: 'encoded', why: 'times in milliseconds', format: '.mkv' },
  'webm-opus': {
    ...{ picture: 'encoded', sound: 'encoded', why: 'VP9 and Opus', format: '.mkv' },
    video: ['-c:v', 'libvpx-vp9', '-b:v', '300k', '-deadline', 'realtime', '-cpu-used', '8'],
    audio: ['-c:a', 'libopus'],
  },
  'motion-jpeg': {
    ...{ picture: 'encoded', sound: 'encoded', why: 'Motion JPEG and PCM', format: '.mkv' },
    ...{ video: ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p'], audio: ['-c:a', 'pcm_s16le'] },
  },
  fragmented: {
    ...{ picture: 'copied', sound: 'encoded', why: 'fragments, whose first packet lasts longer' },
    video: ['-movflags', '+frag_keyframe+empty_moov'],
  },
  'fragmented-b-frames': {
    ...{ picture: 'copied', sound: 'encoded', why: 'fragments, whose first packet lasts longer' },
    video: ['-bf', '3', '-movflags', '+frag_keyframe+empty_moov'],
  },
  'no-edit-list': {
    ...{ picture: 'copied', sound: 'encoded', why: 'nothing says where its sound begins' },
    video: ['-bf', '2', '-use_editlist', '0'],
  },
  'late-start': {
    ...{ picture: 'copied', sound: 'copied' },
    again: ['-output_ts_offset', '0.3', '-avoid_negative_ts', 'disabled'],
  },
  timecode: { picture: 'copied', sound: 'copied', video: ['-timecode', '01:00:00:00'] },
  'mdat-to-end': {
    ...{ picture: 'copied', sound: 'copied', again: ['-movflags', '+faststart'] },
    patch: (file) => withSampleBytes(file, 'to the end'),
  },
  'mdat-too-long': {
    ...{ picture: 'copied', sound: 'copied', again: ['-movflags', '+faststart'] },
    patch: (file) => withSampleBytes(file, 7),
  },
  'junk-behind': {
    ...{ picture: 'copied', sound: 'copied' },
    patch: (file) => Buffer.concat([file, Buffer.from('junk after the last box, not a box')]),
  },
}

/** Makes a clip of a kind, and returns its bytes. */
export async function oddClip(folder: string, name: string): Promise<Buffer> {
  const kind = ODD_CLIPS[name]
  if (kind === undefined) throw new Error(`no kind ${name}`)
  const path = join(folder, `${name}${kind.format ?? '.mp4'}`)
  const tones = kind.tone === null ? [] : tonesOf(kind.tone ?? {})
  const maps = ['0', ...tones.map((_, i) => `${i + 1}`)].flatMap((input) => ['-map', input])
  const sound = tones.length === 0 ? [] : ['-c:a', 'aac', '-ac', '2', ...(kind.audio ?? [])]
  const inputs = [
    { source: `testsrc2=size=320x180:rate=${kind.rate ?? 24}:duration=2`, options: LAVFI },
    ...tones,
  ]
  await ffmpeg.run({ inputs, options: [...maps, ...H264, ...(kind.video ?? []), ...sound], output: path })
  if (kind.again) {
    const output = join(folder, `${name}-again.mp4`)
    await ffmpeg.run({
      inputs: [{ source: path }],
      options: ['-map', '0', '-c', 'copy', ...kind.again],
      output,
    })
    return patched(output, kind)
  }
  return patched(path, kind)
}

const LAVFI = ['-f', 'lavfi']

function tonesOf({
  rate = 48_000,
  seconds = 2,
  delay = 0,
  count = 1,
}: NonNullable<OddClip['tone']>): FfmpegInput[] {
  return Array.from({ length: count }, (_, i) => ({
    // it begins 0.6 s after each whole second, which tells where it is heard
    source: `aevalsrc=exprs='0.3*sin(${880 * (i + 1)}*PI*t)*gt(mod(t,1),0.6)+0.002*random(0)':sample_rate=${rate}:duration=${seconds}`,
    options: ['-itsoffset', `${delay}`, ...LAVFI],
  }))
}

async function patched(path: string, { patch }: OddClip): Promise<Buffer> {
  const bytes = await readFile(path)
  await rm(path)
  return patch ? patch(bytes) : bytes
}
