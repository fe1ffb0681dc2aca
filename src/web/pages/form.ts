import { html } from 'hono/html'
import type { ErrorDetail } from '../../core/errors.ts'
import { estimateUsd } from '../../core/price.ts'
import {
  ASPECTS,
  CROSSFADE_MAX,
  frameSize,
  IMAGE,
  type Locale,
  type ModelCapabilities,
  type ModelList,
  PROMPT_MAX,
  RESOLUTIONS,
  readerLength,
  SECONDS,
  SEGMENTS,
  type VideoRequest,
} from '../../core/request.ts'
import { megabytes, text, usdText } from '../../i18n/index.ts'
import { type Complaint, complaintOf, type Field, fieldName } from './complaint.ts'
import { type Choice, check, choices, labelled, section } from './fields.ts'
import type { Content, Html } from './frame.ts'

/** What stands in the form: what a person wrote, as they wrote it. */
export type FormValues = Record<Exclude<keyof VideoRequest, 'image'>, string>

/** What a person has left, and out of how much; `hour` is null where it isn't counted. */
export interface Allowance {
  hour: { limit: number; used: number } | null
  active: { limit: number; used: number }
}

export interface FormState {
  locale: Locale
  models: ModelList
  values: FormValues
  allowance: Allowance
  /** Names this filling-in: sent twice, it makes one film. */
  key: string
  error: ErrorDetail | null
}

/** A form that nobody has filled in. */
export function emptyValues(models: ModelList): FormValues {
  return {
    prompt: '',
    segments: String(SEGMENTS.default),
    seconds: '8',
    resolution: '720p',
    aspect: '16:9',
    model: models.default,
    crossfade: '0',
    levelSound: '',
    keepClips: '',
  }
}

/** The form as it was filled in for an earlier film. */
export function valuesOf(request: VideoRequest, models: ModelList): FormValues {
  const { prompt, segments, seconds, resolution, aspect, model, crossfade, levelSound, keepClips } = request
  return {
    prompt,
    segments: String(segments),
    seconds: String(seconds),
    resolution,
    aspect,
    model: models.usable.includes(model) ? model : models.default,
    crossfade: String(crossfade),
    levelSound: levelSound ? 'on' : '',
    keepClips: keepClips ? 'on' : '',
  }
}

/** The page on which a film is asked for. */
export function formPage(state: FormState): Content {
  const { locale, error } = state
  const complaint = error === null ? null : complaintOf(error, locale)
  return {
    title: text(locale, 'page.new'),
    body: html`<form class="ask" method="post" action="/" enctype="multipart/form-data" data-ask
  data-adjusted="${text(locale, 'form.adjusted', { model: '{model}', changes: '{changes}' })}"
  data-sending="${text(locale, 'form.sending')}">
<input type="hidden" name="key" value="${state.key}">
<div class="fields">
<h1>${text(locale, 'form.title')}</h1>
${complaint === null ? '' : alertBox(complaint, locale)}
${promptField(state, complaint)}
${lengthFields(state, complaint)}
${pictureFields(state, complaint)}
${modelField(state, complaint)}
${imageField(locale, complaint)}
${moreFields(state, complaint)}
</div>
${summary(state)}
</form>`,
  }
}

function alertBox({ field, message }: Complaint, locale: Locale): Html {
  const what = field === null ? message : `${fieldName(field, locale)}: ${message}`
  return html`<div class="alert" role="alert" id="wrong"><strong>${text(locale, 'form.wrong')}</strong>
<p>${field === null ? what : html`<a href="#${field}">${what}</a>`}</p></div>`
}

function promptField({ locale, values }: FormState, complaint: Complaint | null): Html {
  const counted = text(locale, 'form.count', { count: '{count}', max: PROMPT_MAX })
  const count = readerLength(values.prompt.trim())
  return labelled(
    { id: 'prompt', label: text(locale, 'form.prompt'), hint: text(locale, 'form.prompt_hint'), complaint },
    (described) => html`<textarea id="prompt" name="prompt" rows="5" required data-max="${PROMPT_MAX}"
  placeholder="${text(locale, 'form.prompt_example')}"${described}>${values.prompt}</textarea>
<p class="count" data-count="${counted}">${text(locale, 'form.count', { count, max: PROMPT_MAX })}</p>`,
  )
}

function lengthFields({ locale, values }: FormState, complaint: Complaint | null): Html {
  const segments = Array.from({ length: SEGMENTS.max - SEGMENTS.min + 1 }, (_, i) => String(i + SEGMENTS.min))
  return section(
    text(locale, 'form.length'),
    html`${choices({
      name: 'segments',
      label: text(locale, 'form.segments'),
      hint: text(locale, 'form.segments_hint'),
      choices: segments.map((value) => ({ value, label: value })),
      chosen: values.segments,
      complaint,
    })}
${choices({
  name: 'seconds',
  label: text(locale, 'form.seconds'),
  choices: SECONDS.map((seconds) => ({
    value: String(seconds),
    label: text(locale, 'form.seconds_value', { seconds }),
  })),
  chosen: values.seconds,
  complaint,
})}`,
  )
}

function pictureFields({ locale, values }: FormState, complaint: Complaint | null): Html {
  return section(
    text(locale, 'form.picture'),
    html`${choices({
      name: 'aspect',
      label: text(locale, 'form.aspect'),
      choices: ASPECTS.map(
        (value): Choice => ({
          value,
          label: text(locale, `form.aspect.${value}`),
          detail: value,
          icon: shapeIcon(value),
        }),
      ),
      chosen: values.aspect,
      complaint,
    })}
${choices({
  name: 'resolution',
  label: text(locale, 'form.resolution'),
  choices: RESOLUTIONS.map((value) => ({ value, label: value })),
  chosen: values.resolution,
  complaint,
})}`,
  )
}

function shapeIcon(aspect: (typeof ASPECTS)[number]): Html {
  const { width, height } = {
    '16:9': { width: 24, height: 14 },
    '9:16': { width: 14, height: 24 },
    '1:1': { width: 19, height: 19 },
  }[aspect]
  return html`<svg class="shape" viewBox="0 0 28 28" aria-hidden="true" focusable="false"><rect x="${14 - width / 2}" y="${14 - height / 2}" width="${width}" height="${height}" rx="3"/></svg>`
}

function modelField({ locale, models, values }: FormState, complaint: Complaint | null): Html {
  const usable = models.models.filter(({ id }) => models.usable.includes(id))
  const option = (
    model: ModelCapabilities,
  ) => html`<option value="${model.id}"${model.id === values.model ? html` selected` : ''}
  data-name="${model.name}" data-seconds="${model.seconds.join(' ')}" data-resolution="${model.resolutions.join(' ')}" data-aspect="${model.aspects.join(' ')}"
  data-usd="${JSON.stringify(model.usdPerSecond)}">${text(locale, 'form.model_price', { model: model.name, price: priceText(model, locale) })}</option>`
  const label = text(locale, 'form.model')
  const [only] = usable
  if (usable.length === 1 && only?.source === 'algorithmicMedia') {
    return html`<div class="field"><span class="label">${label}</span>
<p class="note">${text(locale, 'form.stand_in')}</p><select id="model" name="model" hidden>${option(only)}</select></div>`
  }
  return labelled(
    { id: 'model', label, hint: text(locale, 'form.model_note'), complaint },
    (described) => html`<select id="model" name="model"${described}>${usable.map(option)}</select>
<p class="note" role="status" data-adjustment></p>`,
  )
}

function priceText({ resolutions, usdPerSecond }: ModelCapabilities, locale: Locale): string {
  const prices = [...new Set(resolutions.map((resolution) => usdPerSecond[resolution]))]
  if (prices.every((usd) => usd === 0)) return text(locale, 'form.price_free')
  if (prices.every((usd) => usd === null)) return text(locale, 'model.price_unknown')
  return text(locale, 'model.price', {
    usd: prices.map((usd) => (usd === null ? '?' : usdText(usd))).join('–'),
  })
}

function imageField(locale: Locale, complaint: Complaint | null): Html {
  const limits = {
    kinds: IMAGE.kinds.join(', '),
    megabytes: megabytes(IMAGE.bytesMax),
    pixels: IMAGE.sideMin,
  }
  return labelled(
    {
      id: 'image',
      label: text(locale, 'form.image'),
      hint: text(locale, 'form.image_hint', limits),
      complaint,
    },
    (
      described,
    ) => html`<div class="upload" data-upload><input type="file" id="image" name="image" accept="image/png,image/jpeg,image/webp"${described}>
<img alt="" hidden data-picture><button type="button" class="quiet" hidden data-remove>${text(locale, 'form.image_remove')}</button></div>`,
  )
}

function moreFields({ locale, values }: FormState, complaint: Complaint | null): Html {
  const changed = values.crossfade !== '0' || values.levelSound !== '' || values.keepClips !== ''
  const open = changed || complaint?.field === 'crossfade'
  return html`<details class="more"${open ? html` open` : ''}><summary>${text(locale, 'form.more')}</summary>
${labelled(
  {
    id: 'crossfade',
    label: text(locale, 'form.crossfade'),
    hint: text(locale, 'form.crossfade_hint', { max: CROSSFADE_MAX }),
    complaint,
  },
  (described) =>
    html`<input id="crossfade" name="crossfade" type="number" inputmode="numeric" min="0" max="${CROSSFADE_MAX}" step="1" value="${values.crossfade}"${described}>`,
)}
${check('levelSound', text(locale, 'form.level_sound'), values.levelSound !== '')}
${check('keepClips', text(locale, 'form.keep_clips'), values.keepClips !== '')}
</details>`
}

function summary({ locale, models, values, allowance }: FormState): Html {
  const shown = {
    total: text(locale, 'form.total_value', { count: '{count}', seconds: '{seconds}', total: '{total}' }),
    size: text(locale, 'form.size_value', { width: '{width}', height: '{height}' }),
    price: text(locale, 'form.price_value', { usd: '{usd}' }),
  }
  const { count, seconds, size, price } = planned(models, values, locale)
  const facts: [Field | 'total' | 'size' | 'price', string, string][] = [
    [
      'total',
      text(locale, 'form.total'),
      text(locale, 'form.total_value', { count, seconds, total: count * seconds }),
    ],
    ['size', text(locale, 'form.size'), text(locale, 'form.size_value', size)],
    ['price', text(locale, 'form.price'), price],
  ]
  return html`<aside class="summary" aria-labelledby="summary" data-summary
  data-total="${shown.total}" data-size="${shown.size}" data-price="${shown.price}"
  data-free="${text(locale, 'form.price_free')}" data-unknown="${text(locale, 'form.price_unknown')}">
<h2 id="summary">${text(locale, 'form.summary')}</h2>
<svg class="canvas" viewBox="0 0 160 90" aria-hidden="true" focusable="false" data-canvas>${canvas(size)}</svg>
<ol class="timeline" aria-hidden="true" data-timeline>${Array.from({ length: count }, () => html`<li data-mark="done"></li>`)}</ol>
<dl>${facts.map(([name, label, value]) => html`<div><dt>${label}</dt><dd data-value="${name}">${value}</dd></div>`)}</dl>
<button class="primary" data-send>${text(locale, 'form.send')}</button>
<noscript><button class="secondary" name="only" value="price" formnovalidate>${text(locale, 'form.check_price')}</button></noscript>
<p class="left">${allowance.hour === null ? '' : html`<span>${text(locale, 'form.hour_left', allowance.hour)}</span>`}
<span>${text(locale, 'form.active_left', allowance.active)}</span></p>
</aside>`
}

/** What is chosen so far, as far as it can be: something else stands for what can't. */
function planned(models: ModelList, values: FormValues, locale: Locale) {
  const model = models.models.find(({ id }) => id === values.model)
  const count = Math.min(Math.max(Number(values.segments) || SEGMENTS.default, SEGMENTS.min), SEGMENTS.max)
  const seconds = SECONDS.find((one) => String(one) === values.seconds) ?? 8
  const resolution = RESOLUTIONS.find((one) => one === values.resolution) ?? '720p'
  const aspect = ASPECTS.find((one) => one === values.aspect) ?? '16:9'
  const shape = {
    prompt: '',
    segments: count,
    seconds,
    resolution,
    aspect,
    model: values.model,
    image: false,
  }
  const request = { ...shape, crossfade: 0, levelSound: false, keepClips: false }
  const usd = model === undefined ? null : estimateUsd(request, model)
  const price =
    usd === null
      ? text(locale, 'form.price_unknown')
      : usd === 0
        ? text(locale, 'form.price_free')
        : text(locale, 'form.price_value', { usd: usdText(usd) })
  return { count, seconds, size: frameSize(resolution, aspect), price }
}

function canvas({ width, height }: { width: number; height: number }): Html {
  const scale = Math.min(150 / width, 80 / height)
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)]
  return html`<rect x="${80 - w / 2}" y="${45 - h / 2}" width="${w}" height="${h}" rx="4"/>`
}
