import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Env, type Machine, newMachine } from '../support/cli.ts'
import { makePicture } from '../support/film.ts'

// a film takes seconds on an idle machine, and far longer on a busy one
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const FAMILY = '👨‍👩‍👧‍👦'

/** A command that can't be done, and a telling part of what is said about it in both languages. */
interface Bad {
  name: string
  args: readonly string[]
  env?: Env
  ko: string
  en: string
}

const BAD: readonly Bad[] = [
  { name: 'no prompt at all', args: [], ko: '1~500자', en: '1 to 500 characters' },
  { name: 'an empty prompt', args: [''], ko: '1~500자', en: '1 to 500 characters' },
  { name: 'a prompt of spaces alone', args: [' \t\n　'], ko: '1~500자', en: '1 to 500 characters' },
  {
    name: '501 Korean syllables',
    args: ['가'.repeat(501)],
    ko: '501자는 너무 깁니다. 500자까지',
    en: 'Up to 500',
  },
  {
    name: '501 emoji families',
    args: [FAMILY.repeat(501)],
    ko: '501자는 너무 깁니다. 500자까지',
    en: '501 characters',
  },
  // what is counted is what a reader sees: these prompts pass, the segments don't
  {
    name: '11 segments with 500 emoji families',
    args: [FAMILY.repeat(500), '--segments', '11'],
    ko: 'segments: “11”',
    en: 'segments: “11” is not possible. Allowed: 2–10',
  },
  {
    name: '11 segments with 500 syllables in spaces',
    args: [`  ${'한'.normalize('NFD').repeat(500)}\n`, '--segments', '11'],
    ko: '2–10',
    en: '2–10',
  },
  { name: '1 segment', args: ['x', '--segments', '1'], ko: '가능한 값: 2–10', en: 'Allowed: 2–10' },
  {
    name: 'segments that are no number',
    args: ['x', '--segments', '4x'],
    ko: 'segments: “4x”',
    en: 'Allowed: 2–10',
  },
  { name: '5 seconds', args: ['x', '--seconds', '5'], ko: '가능한 값: 4, 8, 12', en: 'Allowed: 4, 8, 12' },
  {
    name: 'aspect 4:3',
    args: ['x', '--aspect', '4:3'],
    ko: '16:9, 9:16, 1:1',
    en: 'aspect: “4:3” is not possible. Allowed: 16:9, 9:16, 1:1',
  },
  {
    name: 'resolution 480p',
    args: ['x', '--resolution', '480p'],
    ko: '720p, 1080p',
    en: 'Allowed: 720p, 1080p',
  },
  {
    name: 'a dissolve of more than 2 seconds',
    args: ['x', '--crossfade', '2001'],
    ko: 'crossfade: “2001” 값은 쓸 수 없습니다. 가능한 값: 0–2000',
    en: 'crossfade: “2001” is not possible. Allowed: 0–2000',
  },
  {
    name: 'a largest size of nothing',
    args: ['x', '--max-size', '0'],
    ko: '--max-size: “0” 값은 쓸 수 없습니다. 가능한 값: 1–9999',
    en: '--max-size: “0” is not possible. Allowed: 1–9999',
  },
  {
    name: 'an unknown model',
    args: ['x', '--model', 'dream-9'],
    ko: 'model: “dream-9”',
    en: 'model: “dream-9” is not possible. Allowed: local',
  },
  {
    name: 'Sora 2',
    args: ['x', '--model', 'sora-2'],
    ko: '2026-09-24에 종료되었습니다. 대신 local',
    en: 'switched off on 2026-09-24. Use local',
  },
  {
    name: 'a model that is not connected',
    args: ['x', '--model', 'wan-2.7'],
    ko: '연결되어 있지 않습니다. 가능한 값: local',
    en: 'not connected here. Allowed: local',
  },
  {
    name: 'a text as the picture',
    args: ['x', '--image', 'text.png'],
    ko: 'PNG, JPEG, WebP',
    en: 'text.png is not a picture that can be read. Allowed: PNG, JPEG, WebP',
  },
  {
    name: 'half a picture',
    args: ['x', '--image', 'half.png'],
    ko: 'half.png',
    en: 'Allowed: PNG, JPEG, WebP',
  },
  { name: 'a picture that is not there', args: ['x', '--image', 'none.png'], ko: 'none.png', en: 'none.png' },
  {
    name: 'a folder as the picture',
    args: ['x', '--image', 'folder.png'],
    ko: 'folder.png',
    en: 'folder.png',
  },
  {
    name: 'a tiny picture',
    args: ['x', '--image', 'tiny.png'],
    ko: '64×64 픽셀은 너무 작습니다. 각 변이 300',
    en: '64×64 pixels are too few. Each side must have at least 300',
  },
  {
    name: 'a DATA_DIR below a file',
    args: ['x'],
    env: { DATA_DIR: 'text.png/data' },
    ko: '폴더에 쓸 수 없습니다(',
    en: 'DATA_DIR: can’t write to',
  },
  {
    name: 'a DATA_DIR that is a file',
    args: ['x'],
    env: { DATA_DIR: 'text.png' },
    ko: '쓸 수 있는 폴더를 지정',
    en: 'DATA_DIR: can’t write to',
  },
  {
    name: 'a DATA_DIR where no folder can be made',
    args: ['x'],
    env: { DATA_DIR: '/proc/sora' },
    ko: '/proc/sora',
    en: 'DATA_DIR: can’t write to /proc/sora',
  },
  {
    name: 'no ffmpeg',
    args: ['x'],
    env: { FFMPEG_PATH: '/nonexistent' },
    ko: 'ffmpeg를 설치하거나',
    en: 'tried FFMPEG_PATH=/nonexistent',
  },
  {
    name: 'a number of jobs that makes no sense',
    args: ['x'],
    env: { JOBS_PER_HOUR: '0' },
    ko: 'JOBS_PER_HOUR: “0”',
    en: 'JOBS_PER_HOUR: “0” is not possible. Allowed: a whole number, 1–10000',
  },
  {
    name: 'an unknown log level',
    args: ['x'],
    env: { LOG_LEVEL: 'loud' },
    ko: 'fatal, error, warn',
    en: 'Allowed: fatal, error, warn',
  },
  {
    name: 'a database that is not Postgres',
    args: ['x'],
    env: { DATABASE_URL: 'mysql://user:hunter2@x/y' },
    ko: 'postgres://user:password@host',
    en: 'DATABASE_URL: not the address of a Postgres database',
  },
  {
    name: 'a default model that is switched off',
    args: ['x'],
    env: { VIDEO_MODEL: 'sora-2' },
    ko: 'VIDEO_MODEL',
    en: 'VIDEO_MODEL: “sora-2” is not possible. Allowed: local',
  },
  {
    name: 'an unknown option',
    args: ['x', '--segmets', '4'],
    ko: '--segmets',
    en: 'There is no option --segmets. --help',
  },
  {
    name: 'an option without its value',
    args: ['x', '--segments'],
    ko: '--segments 옵션에는 값이',
    en: '--segments needs a value. --help',
  },
  {
    name: 'a prompt together with --list',
    args: ['x', '--list'],
    ko: '하나만 쓰세요',
    en: 'either a prompt, or one of --resume, --list and --cancel',
  },
  {
    name: 'two things at once',
    args: ['--list', '--cancel', 'x'],
    ko: '하나만 쓰세요',
    en: 'one of --resume, --list and --cancel',
  },
  {
    name: '--out into a folder that is not there',
    args: ['x', '--out', 'none/film.mp4'],
    ko: 'film.mp4',
    en: '--out: can’t write',
  },
  { name: '--out that is a folder', args: ['x', '--out', 'folder.png'], ko: '--out', en: 'EISDIR' },
]

let machine: Machine

beforeAll(async () => {
  machine = await newMachine()
  const inside = (name: string) => join(machine.folder, name)
  await writeFile(inside('text.png'), 'not a picture at all')
  await makePicture(inside('tiny.png'), 64, 64)
  const whole = await readFile(await makePicture(inside('whole.png'), 400, 400))
  await writeFile(inside('half.png'), whole.subarray(0, 200))
  await mkdir(inside('folder.png'))
})

afterAll(() => machine.remove())

describe('a command that can’t be done ends with exit 2, one line that says what is allowed, and nothing stored', () => {
  test.each(BAD)('$name', async ({ args, env = {}, ko, en }) => {
    // the options stand first, so that none is taken for a value that is missing
    const [plain, json] = await Promise.all([
      machine.run(args, env),
      machine.run(['--lang', 'en', '--json', ...args], env),
    ])
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: 2, stdout: '' })
    expect(plain.stderr).toMatch(/^[^\n]*[가-힣][^\n]*\n$/)
    expect(plain.stderr).toContain(ko)
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 2, stderr: '' })
    expect(json.stdout).toMatch(/^[^\n]+\n$/)
    expect(json.json).toEqual([{ type: 'error', message: expect.stringContaining(en) }])
    expect(json.stdout).not.toMatch(/[가-힣]/)
    expect(plain.stderr + json.stdout).not.toContain('hunter2')
    expect(await readdir(machine.folder)).not.toContain('data')
  })

  test('an English line on stderr where English is asked for', async () => {
    const { code, stdout, stderr } = await machine.run(['x', '--seconds', '5', '--lang', 'en'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe('seconds: “5” is not possible. Allowed: 4, 8, 12.\n')
  })

  test('a language that is not ours', async () => {
    const { code, stdout, stderr } = await machine.run(['x', '--lang', 'fr'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe('--lang: “fr” 값은 쓸 수 없습니다. 가능한 값: ko, en.\n')
  })

  test('several bad variables get a line each', async () => {
    const env = { JOBS_PER_HOUR: '0', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://user:hunter2@x/y' }
    const { code, stdout, stderr } = await machine.run(['x', '--lang', 'en'], env)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const names = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':')[0])
    expect(names.sort()).toEqual(['DATABASE_URL', 'JOBS_PER_HOUR', 'LOG_LEVEL'])
    expect(stderr).not.toContain('hunter2')
  })
})

test('a job that doesn’t exist can be neither resumed nor cancelled, and none is made by the attempt', async () => {
  const own = await newMachine()
  onTestFinished(() => own.remove())
  const id = '00000000-0000-4000-8000-000000000000'
  const cancel = await own.run(['--cancel', id])
  expect(cancel).toMatchObject({ code: 2, stdout: '', stderr: `${id} 작업이 없습니다.\n` })
  const resume = await own.run(['--resume', 'nobody', '--lang', 'en'])
  expect(resume).toMatchObject({ code: 2, stdout: '', stderr: 'There is no job nobody.\n' })
  expect(await own.run(['--list', '--json'])).toMatchObject({ code: 0, stdout: '' })
})
