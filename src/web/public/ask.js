import { all, fill, find } from './dom.js'
import { upload } from './upload.js'

/**
 * The form: what the model can't do is greyed out, and the price is said before anything is sent.
 * @param {HTMLFormElement} form
 */
export function ask(form) {
  const prompt = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem('prompt'))
  const models = /** @type {HTMLSelectElement} */ (form.elements.namedItem('model'))
  const chosen = /** @param {string} name */ (name) => String(new FormData(form).get(name))

  const model = () => /** @type {HTMLOptionElement} */ (models.selectedOptions[0])

  /** Greys out what the model can't do, and takes the nearest that it can. */
  function keepPossible() {
    const changes = []
    for (const name of ['seconds', 'resolution', 'aspect']) {
      const can = (model().dataset[name] ?? '').split(' ')
      const radios = /** @type {HTMLInputElement[]} */ (all(`input[name="${name}"]`, form))
      for (const radio of radios) radio.disabled = !can.includes(radio.value)
      const given = radios.find((radio) => radio.checked)
      if (!given?.disabled) continue
      const taken = nearest(radios, radios.indexOf(given))
      if (taken === undefined) continue
      taken.checked = true
      changes.push(`${said(given)} → ${said(taken)}`)
    }
    const note = find('[data-adjustment]', form)
    const values = { model: model().dataset.name ?? '', changes: changes.join(', ') }
    if (note) note.textContent = changes.length === 0 ? '' : fill(form.dataset.adjusted, values)
  }

  function summarise() {
    const summary = find('[data-summary]', form)
    if (!summary) return
    const [count, seconds] = [Number(chosen('segments')), Number(chosen('seconds'))]
    const [resolution, aspect] = [chosen('resolution'), chosen('aspect')]
    const { width, height } = frameSize(Number.parseInt(resolution, 10), aspect)
    const usd = JSON.parse(model().dataset.usd ?? '{}')[resolution]
    const price = usd === null ? null : usd * count * seconds
    /** @type {(name: string, text: string) => void} */
    const show = (name, text) => {
      const place = find(`[data-value="${name}"]`, summary)
      if (place) place.textContent = text
    }
    const { total, size, price: priced, free, unknown } = summary.dataset
    show('total', fill(total, { count, seconds, total: count * seconds }))
    show('size', fill(size, { width, height }))
    const costs = fill(priced, { usd: usdText(price ?? 0) })
    show('price', (price === null ? unknown : price === 0 ? free : costs) ?? '')
    drawCanvas(width, height)
    find('[data-timeline]', summary)?.replaceChildren(...Array.from({ length: count }, segmentBar))
  }

  function countPrompt() {
    const place = find('[data-count]', form)
    if (!place) return
    const count = [...new Intl.Segmenter().segment(prompt.value.trim())].length
    place.textContent = fill(place.dataset.count, { count })
    place.toggleAttribute('data-over', count > Number(prompt.dataset.max))
  }

  form.addEventListener('change', (event) => {
    if (event.target === models) keepPossible()
    summarise()
  })
  prompt.addEventListener('input', countPrompt)
  form.addEventListener('submit', (event) => {
    const button = find('[data-send]', form)
    if (!button) return
    // the key in the form makes a second one harmless; this says that the first one is on its way
    if (button.ariaDisabled === 'true') event.preventDefault()
    button.ariaDisabled = 'true'
    button.textContent = form.dataset.sending ?? ''
  })
  // a page that the browser kept shows the button as it was left
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
  keepPossible()
  summarise()
  countPrompt()
  upload(form)
  if (find('#wrong')) all('[data-wrong] :is(textarea, select, input)', form)[0]?.focus()
}

/** @type {(radios: HTMLInputElement[], i: number) => HTMLInputElement | undefined} */
function nearest(radios, i) {
  const by = radios.map((radio, j) => ({ radio, away: Math.abs(i - j) })).sort((a, b) => a.away - b.away)
  return by.find(({ radio }) => !radio.disabled)?.radio
}

/** @param {HTMLInputElement} radio */
const said = (radio) => radio.closest('label')?.textContent?.trim() ?? radio.value

/** The same as the server's: the resolution is the shorter side. @type {(short: number, aspect: string) => { width: number, height: number }} */
function frameSize(short, aspect) {
  const long = aspect === '1:1' ? short : (short * 16) / 9
  return aspect === '9:16' ? { width: short, height: long } : { width: long, height: short }
}

/** @param {number} usd */
const usdText = (usd) => (usd > 0 && usd < 0.01 ? usd.toPrecision(1) : usd.toFixed(2))

/** @type {(width: number, height: number) => void} */
function drawCanvas(width, height) {
  const scale = Math.min(150 / width, 80 / height)
  const [w, h] = [width * scale, height * scale]
  const place = { x: 80 - w / 2, y: 45 - h / 2, width: w, height: h }
  const frame = find('[data-canvas] rect')
  for (const [name, value] of Object.entries(place)) frame?.setAttribute(name, String(value))
}

function segmentBar() {
  const bar = document.createElement('li')
  bar.dataset.mark = 'done'
  return bar
}
