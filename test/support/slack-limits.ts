type Fields = Record<string, unknown>

/** A text object of Slack's: `plain_text`, in which nothing is markup, or `mrkdwn`. */
export interface TextPart {
  type: 'plain_text' | 'mrkdwn'
  text: string
}

const list = (value: unknown): Fields[] => (Array.isArray(value) ? value : [])
const sizeOf = (value: unknown): number => (typeof value === 'string' ? value.length : list(value).length)

/** Everything in a value, however deep. */
function* within(value: unknown): Generator<Fields> {
  if (Array.isArray(value)) for (const item of value) yield* within(item)
  else if (typeof value === 'object' && value !== null) {
    yield value as Fields
    for (const inner of Object.values(value)) yield* within(inner)
  }
}

/** Every text object of a message's blocks; a plan's and its tasks' titles are plain texts too. */
function textsOf(blocks: unknown): TextPart[] {
  return [...within(blocks)].flatMap((part): TextPart[] => {
    const { type } = part
    if (type === 'plain_text' || type === 'mrkdwn') return [{ type, text: String(part.text) }]
    if (part.type === 'plan' || part.type === 'task_card') {
      return [{ type: 'plain_text', text: String(part.title) }]
    }
    return []
  })
}

/** Every button of a message. */
export function buttonsIn(blocks: unknown): Fields[] {
  return [...within(blocks)].filter(({ type }) => type === 'button')
}

/** What Slack's types lack: lengths, in UTF-16 units, so that whoever keeps within that keeps within characters too. docs.slack.dev/reference/block-kit */
export function lengthComplaints(blocks: unknown, surface: 'message' | 'modal'): string[] {
  const complaints: string[] = []
  const check = (where: string, value: unknown, least: number, most: number) => {
    const size = sizeOf(value)
    if (size < least || size > most) complaints.push(`${where}: ${size}, not ${least}–${most}`)
  }
  check('blocks', blocks, 1, surface === 'message' ? 50 : 100)
  const ids = list(blocks)
    .map(({ block_id }) => block_id)
    .filter((id) => id !== undefined)
  if (new Set(ids).size < ids.length) complaints.push('two blocks have one id')
  for (const part of within(blocks)) {
    const { text } = (part.text ?? {}) as { text?: string }
    if (part.block_id !== undefined) check('block_id', part.block_id, 1, 255)
    if (part.action_id !== undefined) check('action_id', part.action_id, 1, 255)
    switch (part.type) {
      case 'section':
        if (part.text !== undefined) check('section', text, 1, 3000)
        if (part.fields !== undefined) check('fields', part.fields, 1, 10)
        for (const field of list(part.fields)) check('field', field.text, 1, 2000)
        if (part.text === undefined && part.fields === undefined) complaints.push('section: nothing in it')
        break
      case 'header':
        check('header', text, 1, 150)
        break
      case 'context':
        check('context', part.elements, 1, 10)
        break
      case 'actions': {
        check('actions', part.elements, 1, 25)
        const actions = list(part.elements).map(({ action_id }) => action_id)
        if (new Set(actions).size < actions.length)
          complaints.push('actions: an action_id stands there twice')
        break
      }
      case 'button':
        check('button', text, 1, 75)
        if (part.value !== undefined) check('value', part.value, 1, 2000)
        if (part.url !== undefined) check('url', part.url, 1, 3000)
        break
      case 'image':
        check('alt_text', part.alt_text, 1, 2000)
        if ((part.image_url === undefined) === (part.slack_file === undefined)) {
          complaints.push('image: exactly one of image_url and slack_file')
        }
        break
      case 'plan':
        check('plan title', part.title, 1, 256)
        break
      case 'task_card':
        check('task title', part.title, 1, 256)
        break
      case 'input':
        check('label', (part.label as Fields | undefined)?.text, 1, 2000)
        break
      case 'static_select':
        check('options', part.options, 1, 100)
        for (const option of list(part.options)) {
          check('option', (option.text as Fields).text, 1, 75)
          check('option value', option.value, 1, 150)
        }
        break
      case 'plain_text':
      case 'mrkdwn':
        check('text', part.text, 1, 3000)
        break
    }
  }
  for (const { type, text } of textsOf(blocks)) {
    // the three signs are Slack's own in any text
    if (type === 'plain_text' && /[<>]|&(?!amp;|lt;|gt;)/.test(text)) complaints.push(`not escaped: ${text}`)
  }
  return complaints
}

/** What Slack's types lack about a modal. */
export function modalComplaints(view: Fields): string[] {
  const titles = (['title', 'submit', 'close'] as const).flatMap((name) => {
    const { text = '' } = (view[name] ?? {}) as { text?: string }
    return text.length < 1 || text.length > 24 ? [`${name}: ${text.length} characters, not 1–24`] : []
  })
  const meta = sizeOf(view.private_metadata) > 3000 ? ['private_metadata: too long'] : []
  return [...titles, ...meta, ...lengthComplaints(view.blocks, 'modal')]
}

/** Who is called by a message: people, groups and `!channel` in its text and in what is markup of its blocks. */
export function calledBy(text: string, blocks: unknown): string[] {
  const marked = [text, ...textsOf(blocks).flatMap((part) => (part.type === 'mrkdwn' ? [part.text] : []))]
  return [...marked.join('\n').matchAll(/<(@[UW]\w+|!channel|!here|!everyone|!subteam\^\w+)[^>]*>/g)].map(
    ([, who = '']) => who,
  )
}

/** What people read in a message: plain texts as they are, marked ones with their markup. */
export function readIn(blocks: unknown): string {
  return textsOf(blocks)
    .map(({ text }) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'))
    .join('\n')
}

/** The uploaded files that a message shows as pictures. */
export function picturesIn(blocks: readonly Fields[]): string[] {
  return blocks.flatMap(({ slack_file }) => (slack_file ? [String((slack_file as Fields).id)] : []))
}
