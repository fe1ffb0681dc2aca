import { html } from 'hono/html'
import type { Complaint, Field } from './complaint.ts'
import type { Html } from './frame.ts'

/** A labelled control; `control` is given the attributes that tie it to its hint and complaint. */
export function labelled(
  about: { id: Field; label: string; hint?: string; complaint: Complaint | null },
  control: (described: Html) => Html,
): Html {
  const { id, label, hint, complaint } = about
  const wrong = complaint?.field === id ? complaint.message : null
  return html`<div class="field"${wrong === null ? '' : html` data-wrong`}><label class="label" for="${id}">${label}</label>
${wrong === null ? '' : html`<p class="wrong" id="${id}-wrong">${wrong}</p>`}
${control(described(id, hint, wrong))}
${hint === undefined ? '' : html`<p class="hint" id="${id}-hint">${hint}</p>`}</div>`
}

export interface Choice {
  value: string
  label: string
  detail?: string
  icon?: Html
}

/** One of a few values, all of them to be seen. */
export function choices(about: {
  name: Field
  label: string
  hint?: string
  choices: readonly Choice[]
  chosen: string
  complaint: Complaint | null
}): Html {
  const { name, label, hint, chosen, complaint } = about
  const wrong = complaint?.field === name ? complaint.message : null
  const known = about.choices.some(({ value }) => value === chosen)
  return html`<fieldset class="field" id="${name}"${wrong === null ? '' : html` data-wrong`}${described(name, hint, wrong)}><legend class="label">${label}</legend>
${wrong === null ? '' : html`<p class="wrong" id="${name}-wrong">${wrong}</p>`}
<div class="choices">${about.choices.map(
    ({ value, label, detail, icon }, i) =>
      html`<label class="choice"><input type="radio" name="${name}" value="${value}"${
        value === chosen || (!known && i === 0) ? html` checked` : ''
      }><span>${icon ?? ''}${label}${detail === undefined ? '' : html`<small>${detail}</small>`}</span></label>`,
  )}</div>
${hint === undefined ? '' : html`<p class="hint" id="${name}-hint">${hint}</p>`}</fieldset>`
}

/** Something that is wanted or not. */
export function check(name: string, label: string, on: boolean): Html {
  return html`<label class="check"><input type="checkbox" name="${name}"${on ? html` checked` : ''}><span>${label}</span></label>`
}

/** Fields that belong together. */
export function section(title: string, fields: Html): Html {
  return html`<section><h2>${title}</h2>${fields}</section>`
}

function described(id: string, hint: string | undefined, wrong: string | null): Html {
  const ids = [...(wrong === null ? [] : [`${id}-wrong`]), ...(hint === undefined ? [] : [`${id}-hint`])]
  return html`${ids.length === 0 ? '' : html` aria-describedby="${ids.join(' ')}"`}${wrong === null ? '' : html` aria-invalid="true"`}`
}
