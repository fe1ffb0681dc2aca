import type { Planner, PlanOrder } from '../../core/ports.ts'
import type { Locale } from '../../core/request.ts'

/** One way to look at a subject. `title` is for people; `camera` and `light` go into the shot's prompt. */
interface Beat {
  title: Record<Locale, string>
  camera: Record<Locale, string>
  light: Record<Locale, string>
}

const FIRST: Beat = {
  title: { ko: '첫 장면', en: 'Opening' },
  camera: { ko: '넓은 전경에서 천천히 다가간다', en: 'a wide establishing view that slowly moves in' },
  light: { ko: '이른 아침의 부드러운 빛', en: 'soft early light' },
}

const LAST: Beat = {
  title: { ko: '마지막 장면', en: 'Closing' },
  camera: { ko: '높이 올라가며 멀어진다', en: 'the camera rises and draws away' },
  light: { ko: '저무는 하늘의 여운', en: 'the afterglow of the sky' },
}

const BETWEEN: readonly Beat[] = [
  {
    title: { ko: '다가가기', en: 'Drawing near' },
    camera: { ko: '낮은 시점으로 따라가며 다가간다', en: 'a low tracking move towards the subject' },
    light: { ko: '맑은 한낮의 빛', en: 'clear daylight' },
  },
  {
    title: { ko: '나란히', en: 'Alongside' },
    camera: { ko: '옆에서 같은 속도로 나란히 간다', en: 'a steady move alongside at the same speed' },
    light: { ko: '비스듬한 황금빛', en: 'slanting golden light' },
  },
  {
    title: { ko: '한 바퀴', en: 'Around' },
    camera: { ko: '천천히 둘레를 돈다', en: 'a slow arc around the subject' },
    light: { ko: '노을의 붉은 빛', en: 'the red light of dusk' },
  },
  {
    title: { ko: '가까이', en: 'Close' },
    camera: { ko: '가까이서 세부를 훑는다', en: 'a close pass over the details' },
    light: { ko: '어둠 속의 불빛', en: 'lights in the dark' },
  },
]

const SENTENCES = {
  ko: {
    opens: '화면이 열리며 시작한다',
    continues: '앞 장면의 마지막 프레임에서 그대로 이어진다',
  },
  en: {
    opens: 'The film opens here',
    continues: 'It opens exactly on the last frame of the shot before',
  },
} as const

/**
 * The embedded stand-in for a language model: it doesn't understand the prompt, it gives each shot a camera move and
 * a light of its own around it. The same order always gives the same plan.
 */
export function createLocalPlanner(): Planner {
  return {
    id: 'local-1',
    async plan(order) {
      const shots = Array.from({ length: order.segments }, (_, i) => shotOf(order, i))
      return { title: titleOf(order.prompt), shots }
    },
  }
}

function shotOf(order: PlanOrder, i: number) {
  const { locale } = order
  const beat = beatOf(i, order.segments)
  const sentences = SENTENCES[locale]
  const round = Math.floor((i - 1) / BETWEEN.length)
  const again = i > 0 && i < order.segments - 1 && round > 0 ? ` ${round + 1}` : ''
  const opening = i === 0 ? sentences.opens : sentences.continues
  const told = `\n${opening}. ${beat.camera[locale]}. ${beat.light[locale]}.`
  return {
    title: `${beat.title[locale]}${again}`,
    prompt: `${fitted(order.prompt, order.promptMax - told.length)}${told}`,
    seconds: order.seconds,
  }
}

/** As much of a text as fits into so many UTF-16 units: 500 characters that readers count may be thousands of those. */
function fitted(text: string, max: number): string {
  if (text.length <= max) return text
  let end = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (end + segment.length > max) break
    end += segment.length
  }
  return text.slice(0, end)
}

function beatOf(i: number, segments: number): Beat {
  if (i === 0) return FIRST
  if (i === segments - 1) return LAST
  return BETWEEN[(i - 1) % BETWEEN.length] ?? FIRST
}

/** The prompt's first words, as many as fit a title. */
function titleOf(prompt: string): string {
  const line = prompt.replace(/\s+/gu, ' ')
  if (line.length <= 80) return line
  const cut = line.slice(0, 80)
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), 40)).trimEnd()}…`
}
