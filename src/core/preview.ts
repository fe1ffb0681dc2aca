/** In the order in which people are told of them. */
export const PREVIEW_KINDS = ['poster', 'sheet', 'preview', 'smaller'] as const

/**
 * What can be made of a finished film, for places that can't take it as it is. `poster`: one good frame; `sheet`: frames of every
 * segment; `preview`: moments of it, silent; `smaller`: all of it in at most so many MB (of 1,000,000 bytes).
 */
export type Preview = { kind: 'poster' | 'sheet' | 'preview' } | { kind: 'smaller'; megabytes: number }

/** The contact sheet: frames of each segment in a row; the longer side of a frame and the gap around each, in pixels. */
export const SHEET = { framesARow: 4, cell: 320, gap: 8 } as const

/** What its file is called after the film's own name, without that name's `.mp4`. */
export function previewEnding(preview: Preview): string {
  switch (preview.kind) {
    case 'poster':
      return '.poster.jpg'
    case 'sheet':
      return '.sheet.jpg'
    case 'preview':
      return '.preview.webp'
    case 'smaller':
      return `.${preview.megabytes}mb.mp4`
  }
}
