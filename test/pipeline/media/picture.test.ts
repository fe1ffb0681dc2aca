import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../../src/core/errors.ts'
import { createMedia } from '../../../src/pipeline/media/media.ts'
import { ffmpeg, testFolder } from '../../support/clips.ts'

const folder = await testFolder()
const media = createMedia(ffmpeg)
const never = new AbortController().signal

async function picture(name: string, size: string, filter = 'null'): Promise<string> {
  const path = join(folder, name)
  const inputs = [{ source: `testsrc=size=${size}:rate=1:duration=1`, options: ['-f', 'lavfi'] }]
  await ffmpeg.run({ inputs, options: ['-frames:v', '1', '-vf', filter], output: path })
  return path
}

async function refusal(path: string) {
  const error = await media.checkImage(path).then(
    () => null,
    (reason: unknown) => reason,
  )
  return error instanceof UserError ? error.detail : error
}

test.each(['a.png', 'a.jpg', 'a.webp'])('%s is taken, also under a wrong name', async (name) => {
  const path = await picture(name, '400x300')
  await expect(media.checkImage(path)).resolves.toBeUndefined()
  const renamed = `${path}.dat`
  await writeFile(renamed, await readFile(path))
  await expect(media.checkImage(renamed)).resolves.toBeUndefined()
})

test('a picture that is too small is refused with its size', async () => {
  expect(await refusal(await picture('small.png', '500x299'))).toEqual({
    code: 'image_too_small',
    data: { width: 500, height: 299, min: 300 },
  })
})

test('a file of more than 20 MB is refused by its size', async () => {
  const path = join(folder, 'large.png')
  await writeFile(path, Buffer.alloc(20_000_001))
  expect(await refusal(path)).toMatchObject({ code: 'image_too_large', data: { max: 20_000_000 } })
})

test('anything but a PNG, JPEG or WebP is refused as unreadable', async () => {
  const contents = ['', 'GIF89a', '#EXTM3U\nhttp://127.0.0.1/secret', '\x89PNG\r\n\x1a\n', '\xff\xd8\xff']
  for (const [i, content] of contents.entries()) {
    const path = join(folder, `other-${i}.png`)
    await writeFile(path, content, 'latin1')
    expect(await refusal(path)).toEqual({
      code: 'image_unreadable',
      data: { given: `other-${i}.png`, allowed: ['PNG', 'JPEG', 'WebP'] },
    })
  }
})

test('a header that promises more than 50 megapixels is refused without decoding', async () => {
  const bytes = await readFile(await picture('bomb.png', '400x300'))
  bytes.writeUInt32BE(60_000, 16)
  bytes.writeUInt32BE(60_000, 20)
  const path = join(folder, 'bomb2.png')
  await writeFile(path, bytes)
  expect(await refusal(path)).toMatchObject({ code: 'image_unreadable' })
})

test('a picture whose data is missing is refused as unreadable', async () => {
  const bytes = await readFile(await picture('cut.png', '400x300'))
  const path = join(folder, 'cut2.png')
  await writeFile(path, bytes.subarray(0, 60))
  expect(await refusal(path)).toMatchObject({ code: 'image_unreadable' })
})

test('a picture is cut evenly to exactly the size asked for', async () => {
  // Red on the left, blue on the right, each a quarter; green between.
  const stripes = "geq=r='255*lt(X,100)':g='255*between(X,100,299)':b='255*gte(X,300)'"
  const path = await picture('stripes.png', '400x300', `format=gbrp,${stripes}`)
  const png = join(folder, 'fitted.png')
  await media.fitImage(path, { width: 300, height: 450 }, png, never)
  const pixels = await rgb(png)
  expect(pixels.length).toBe(300 * 450 * 3)
  // 600 × 450 before the cut: the green half of it is exactly what is left.
  for (const x of [5, 150, 294]) expect([...pixels.subarray(x * 3, x * 3 + 3)]).toEqual([0, 255, 0])
})

test('a photo that lies on its side stands upright', async () => {
  const path = await picture(
    'turned.jpg',
    '400x300',
    "format=gbrp,geq=r='255*lt(X,200)':g=0:b='255*gte(X,200)'",
  )
  const bytes = await readFile(path)
  // APP1 with a TIFF of one tag: orientation (0x0112) 6, to be turned clockwise.
  const tiff = '49492a0008000000' + '0100' + '120103000100000006000000' + '00000000'
  const exif = Buffer.from(`ffe10022457869660000${tiff}`, 'hex')
  await writeFile(path, Buffer.concat([bytes.subarray(0, 2), exif, bytes.subarray(2)]))
  const png = join(folder, 'upright.png')
  await media.fitImage(path, { width: 300, height: 400 }, png, never)
  const pixels = await rgb(png)
  const at = (x: number, y: number) => [...pixels.subarray((y * 300 + x) * 3, (y * 300 + x) * 3 + 3)]
  const [topRed = 0, , topBlue = 0] = at(150, 50)
  const [bottomRed = 0, , bottomBlue = 0] = at(150, 350)
  expect(topRed - topBlue).toBeGreaterThan(200)
  expect(bottomBlue - bottomRed).toBeGreaterThan(200)
})

async function rgb(png: string): Promise<Buffer> {
  const output = `${png}.raw`
  await ffmpeg.run({ inputs: [{ source: png }], options: ['-pix_fmt', 'rgb24'], output })
  return readFile(output)
}
