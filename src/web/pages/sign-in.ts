import { html } from 'hono/html'
import type { Linked } from '../../core/ports.ts'
import type { Locale } from '../../core/request.ts'
import { text } from '../../i18n/index.ts'
import type { Content, Html } from './frame.ts'

/** A form with one field, for signing in and for linking a chat. */
function oneField(about: {
  title: string
  about: string
  action: string
  wrong: string | null
  done?: string | null
  label: string
  send: string
  input: (described: Html) => Html
}): Content {
  const { title, wrong, done } = about
  const described =
    wrong === null
      ? html` aria-describedby="one-hint"`
      : html` aria-describedby="one-wrong one-hint" aria-invalid="true"`
  return {
    title,
    body: html`<form class="message" method="post" action="${about.action}"><h1>${title}</h1>
${done ? html`<p class="done" role="status">${done}</p>` : ''}
<p id="one-hint">${about.about}</p>
<div class="field"${wrong === null ? '' : html` data-wrong`}><label class="label" for="one">${about.label}</label>
${wrong === null ? '' : html`<p class="wrong" id="one-wrong" role="alert">${wrong}</p>`}
${about.input(described)}</div>
<button class="primary">${about.send}</button></form>`,
  }
}

/** Asks for the address to which the link goes. */
export function signInPage(locale: Locale, given: { email: string; wrong: string | null }): Content {
  return oneField({
    title: text(locale, 'signin.title'),
    about: text(locale, 'signin.about'),
    action: '/sign-in',
    wrong: given.wrong,
    label: text(locale, 'signin.email'),
    send: text(locale, 'signin.send'),
    input: (described) =>
      html`<input id="one" name="email" type="email" autocomplete="email" required maxlength="254" value="${given.email}"${described}>`,
  })
}

/** A link is on its way. */
export function sentPage(locale: Locale, email: string): Content {
  const title = text(locale, 'signin.sent')
  return {
    title,
    body: html`<div class="message"><h1>${title}</h1><p>${text(locale, 'signin.sent_about', { email })}</p>
<a class="secondary" href="/sign-in">${text(locale, 'signin.another')}</a></div>`,
  }
}

/** Asks for the code that a chat gave. */
export function linkPage(
  locale: Locale,
  given: { code: string; wrong: string | null; linked: Linked | null },
): Content {
  return oneField({
    title: text(locale, 'connect.title'),
    about: text(locale, 'connect.about'),
    action: '/link',
    wrong: given.wrong,
    done: given.linked === null ? null : doneText(given.linked, locale),
    label: text(locale, 'connect.code'),
    send: text(locale, 'connect.send'),
    input: (described) =>
      html`<input id="one" class="code" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required maxlength="40" value="${given.code}"${described}>`,
  })
}

const NAMES: Record<Linked['platform'], string> = {
  cli: 'CLI',
  web: 'Web',
  discord: 'Discord',
  slack: 'Slack',
}

function doneText({ platform, jobs }: Linked, locale: Locale): string {
  return text(locale, 'connect.done', { platform: NAMES[platform], count: jobs })
}
