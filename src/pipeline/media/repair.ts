import { basename } from 'node:path'
import { EXACT_SCALING, isWide } from './colour.ts'
import { type Ffmpeg, MediaError } from './ffmpeg.ts'
import { readAudioConfig } from './mp4/aac-config.ts'
import { type Mp4, type Mp4Audio, type Mp4Video, SECONDS_MAX } from './mp4/reader.ts'

/** What had to be encoded of a clip. */
export interface Repaired {
  picture: boolean
  sound: boolean
}

/** Bytes of the length in front of each NAL unit: the same in all pieces of a film, and ffmpeg always writes four. */
const NAL_LENGTH_SIZE = 4

/** Whether a film can be joined from a clip's packets as they are. */
export function isJoinable({ video, audio }: Mp4): boolean {
  return isPictureJoinable(video) && isSoundJoinable(audio)
}

/** H.264 that every player shows, in square pixels and in the range of light and colours of a usual screen. */
function isPictureJoinable({ avc, squarePixels, colour }: Mp4Video): boolean {
  const shown = avc?.common === true && avc.nalLengthSize === NAL_LENGTH_SIZE && squarePixels
  return shown && colour?.fullRange !== true && !isWide(colour)
}

/** AAC-LC in mono or stereo, in even packets, or no sound at all. */
function isSoundJoinable(audio: Mp4Audio | null): boolean {
  if (audio === null) return true
  const sound = audio.config === null ? null : readAudioConfig(audio.config)
  return sound !== null && sound.sampleRate === audio.timescale
}

/** What may be done to a track, in the order of preference. */
type Picture = 'copy' | 'encode'
type Sound = 'copy' | 'encode' | 'leave out'

/** Sound alone never costs the picture; a picture that plays is taken even if its sound doesn't. */
const ATTEMPTS: readonly (readonly [Picture, Sound])[] = [
  ['copy', 'copy'],
  ['copy', 'encode'],
  ['encode', 'copy'],
  ['encode', 'encode'],
  ['copy', 'leave out'],
  ['encode', 'leave out'],
]

/**
 * Makes a joinable MP4 of anything that ffmpeg can decode: the first attempt that comes to one counts. `mp4` is null for a file whose
 * tables can't be read. Throws `MediaError` with the words of the first attempt that decodes if no attempt succeeds.
 */
export async function repair(
  ffmpeg: Ffmpeg,
  {
    path,
    mp4,
    readPlain,
  }: { path: string; mp4: Mp4 | null; readPlain: (path: string) => Promise<Mp4 | Error> },
  output: string,
  signal: AbortSignal | undefined,
): Promise<{ path: string; mp4: Mp4; encoded: Repaired }> {
  const bad = {
    picture: mp4 !== null && !isPictureJoinable(mp4.video),
    sound: mp4 !== null && !isSoundJoinable(mp4.audio),
  }
  const picture = await describePicture(ffmpeg, path, signal)
  let failure: Error | null = null
  for (const [toPicture, toSound] of ATTEMPTS) {
    if ((toPicture === 'copy' && bad.picture) || (toSound === 'copy' && bad.sound)) continue
    // An encoded picture begins at 0: its frames' times are then multiples of a frame.
    const earlier = toPicture === 'encode' ? ['-itsoffset', `${-picture.begins}`] : []
    const inputs = [{ source: path }, { source: path, options: earlier }]
    const options = [...pictureOptions(toPicture, picture), ...soundOptions(toSound), '-t', `${SECONDS_MAX}`]
    try {
      await ffmpeg.run({ inputs, options, output }, signal)
      const made = await readPlain(output)
      if (!(made instanceof Error) && isJoinable(made)) {
        const encoded = {
          picture: toPicture === 'encode',
          sound: toSound === 'encode' && made.audio !== null,
        }
        return { path: output, mp4: made, encoded }
      }
      if (made instanceof Error && toPicture === 'encode') failure ??= made
    } catch (error) {
      // MP4 can't hold every codec, and not every track can be decoded.
      if (!(error instanceof MediaError)) throw error
      if (toPicture === 'encode') failure ??= error
    }
  }
  if (failure instanceof MediaError) throw failure
  throw new MediaError(`${basename(path)}: ${failure?.message ?? 'nothing in it can be joined'}`)
}

function soundOptions(sound: Sound): readonly string[] {
  if (sound === 'leave out') return ['-an']
  const track = ['-map', '1:a:0?']
  if (sound === 'copy') return [...track, '-c:a', 'copy']
  // Holes are filled and jitter is evened out: the shortest hole seen in a model's clips lasts 89 ms (Sora 2).
  const even = 'aresample=async=1:min_hard_comp=0.02,aformat=channel_layouts=mono|stereo'
  return [...track, '-c:a', 'aac', '-b:a', '192k', '-af', even]
}

function pictureOptions(picture: Picture, colours: Colours): readonly string[] {
  const track = ['-map', '0:V:0', '-dn', '-sn']
  if (picture === 'copy') return [...track, '-c:v', 'copy']
  const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-bf', '0', '-pix_fmt', 'yuv420p']
  // Frames that were left out or held are not made up.
  const times = ['-vsync', '2']
  return [...track, ...encoder, ...times, '-vf', pictureFilter(colours), ...tagOptions(tagsOf(colours))]
}

/** Names of H.273's values, as ffmpeg words them; `unknown` if the file says nothing. */
interface Colours {
  matrix: string
  primaries: string
  transfer: string
}

/** A picture's colours, and when its first frame is shown, in seconds. */
interface PictureFacts extends Colours {
  begins: number
}

/** Asks ffmpeg, which reads every container. */
async function describePicture(ffmpeg: Ffmpeg, path: string, signal?: AbortSignal): Promise<PictureFacts> {
  const options = ['-map', '0:V:0', '-vf', 'showinfo', '-frames:v', '1']
  const { stderr } = await ffmpeg.run({ inputs: [{ source: path }], options, output: null }, signal)
  const words = /Video: [^\n]*? \w+\((?:tv|pc)?(?:, )?([\w/-]*)[^)\n]*\)/.exec(stderr)?.[1] ?? ''
  const [matrix = 'unknown', primaries = matrix, transfer = matrix] = words === '' ? [] : words.split('/')
  const begins = Number(/pts_time:(\S+)/.exec(stderr)?.[1] ?? 0)
  return { matrix, primaries, transfer, begins }
}

/** Names that every release knows; whatever else occurs is either mapped to BT.709 or not said at all. */
const NAMES = /^(bt709|smpte170m|bt470bg)$/

function isHdr({ transfer }: Colours): boolean {
  return transfer === 'arib-std-b67' || transfer === 'smpte2084'
}

function needsMapping(colours: Colours): boolean {
  return isHdr(colours) || colours.primaries === 'bt2020'
}

/** The tags of the encoded picture; null if the clip names no matrix, so that none is made up. */
function tagsOf(colours: Colours): Colours | null {
  if (needsMapping(colours)) return BT709
  const named = (name: string) => (NAMES.test(name) ? name : 'bt709')
  if (!NAMES.test(colours.matrix)) return null
  return { matrix: colours.matrix, primaries: named(colours.primaries), transfer: named(colours.transfer) }
}

function tagOptions(tags: Colours | null): readonly string[] {
  if (tags === null) return []
  const { matrix, primaries, transfer } = tags
  const names = ['-colorspace', matrix, '-color_primaries', primaries, '-color_trc', transfer]
  return [...names, '-color_range', 'tv', '-movflags', '+write_colr']
}

const BT709: Colours = { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709' }

/** Upright in square pixels with even sides, 4:2:0 in the range of television; what has more light or colours is mapped to BT.709. */
function pictureFilter(colours: Colours): string {
  const size = "scale=w='trunc(iw*sar/2+0.5)*2':h='trunc(ih/2+0.5)*2'"
  const mapped = isHdr(colours)
    ? [
        'zscale=transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=bt709',
        'tonemap=tonemap=hable:desat=0,zscale=transfer=bt709:matrix=bt709:range=tv',
      ]
    : needsMapping(colours)
      ? ['zscale=primaries=bt709:transfer=bt709:matrix=bt709:range=tv']
      : []
  const progressive = 'yadif=deint=interlaced'
  const filters = [
    'setpts=PTS-STARTPTS',
    ...mapped,
    progressive,
    `${size}:out_range=tv:flags=bicubic+${EXACT_SCALING}`,
  ]
  return [...filters, 'format=yuv420p', 'setsar=1', ...(tagsOf(colours) === null ? [UNTAGGED] : [])].join(',')
}

/** Takes away what a filter says of a picture's colours: an encoder would write it into the clip. */
export const UNTAGGED = 'setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown'
