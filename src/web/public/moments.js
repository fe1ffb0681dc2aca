import { all } from './dom.js'

const { lang } = document.documentElement
const clock = new Intl.DateTimeFormat(lang, { timeStyle: 'medium' })
const date = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' })
const distance = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' })

/** Says each moment by the reader's own clock. */
export function sayMoments() {
  for (const time of /** @type {HTMLTimeElement[]} */ (all('time[data-when]'))) {
    const at = new Date(time.dateTime)
    if (time.dataset.when === 'clock') time.textContent = clock.format(at)
    else if (time.dataset.when === 'date') time.textContent = date.format(at)
    else time.textContent = away((at.getTime() - Date.now()) / 1000)
  }
}

/** @param {number} seconds */
function away(seconds) {
  if (Math.abs(seconds) < 50) return distance.format(Math.round(seconds / 10) * 10, 'second')
  if (Math.abs(seconds) < 3000) return distance.format(Math.round(seconds / 60), 'minute')
  return distance.format(Math.round(seconds / 3600), 'hour')
}
