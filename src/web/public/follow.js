import { all, fetchPage, find } from './dom.js'
import { enhance } from './enhance.js'
import { sayMoments } from './moments.js'

/**
 * Follows a job: whenever something has happened, what the server says of it takes the place of what is shown.
 * @param {HTMLElement} job
 */
export function follow(job) {
  const { job: id, seq } = job.dataset
  const events = new EventSource(`/jobs/${id}/events?after=${seq}`)
  let due = 0
  const soon = () => {
    window.clearTimeout(due)
    due = window.setTimeout(refresh, 150)
  }
  events.onmessage = soon
  events.onerror = () => {
    const place = find('[data-said]')
    if (place && job.dataset.lost) place.textContent = job.dataset.lost
    // it comes back by itself, unless the server has ended it: then the page says why
    if (events.readyState === EventSource.CLOSED) window.setTimeout(refresh, 2000)
  }
  events.onopen = soon

  async function refresh() {
    const fresh = await fetchPage()
    if (fresh === null) return void window.setTimeout(refresh, 5000)
    const next = find('[data-job]', fresh)
    if (!next) return location.reload()
    document.title = fresh.title
    const before = job.dataset.status
    show(job, next)
    sayMoments()
    const state = find('.state', job)?.textContent ?? ''
    const announce = find('[data-announce]', job)
    if (announce && announce.textContent !== state) announce.textContent = state
    if ('live' in next.dataset) return
    events.close()
    if (before !== next.dataset.status) find('#content')?.focus({ preventScroll: true })
  }
}

/** Changes what differs, part by part, so that nothing else moves. A job that has ended is shown anew. @type {(job: HTMLElement, next: HTMLElement) => void} */
function show(job, next) {
  job.dataset.status = next.dataset.status
  if (!('live' in next.dataset)) {
    const announce = find('[data-announce]', job)
    job.replaceChildren(...next.childNodes)
    if (announce) find('[data-announce]', job)?.replaceWith(announce)
    return enhance(job)
  }
  for (const id of ['heading', 'progress', 'actions', 'facts', 'log', 'shots']) {
    const [old, fresh] = [find(`#${id}`, job), find(`#${id}`, next)]
    if (!old || !fresh || old.isEqualNode(fresh)) continue
    // a question that somebody is about to answer stays
    if (id === 'actions' && find('details[open]', old) && find('details', fresh)) continue
    if (id === 'shots') replaceShots(old, fresh)
    else old.replaceWith(fresh)
  }
}

/** Frames that are there are left alone: a picture that is loaded anew flickers. @type {(old: Element, fresh: Element) => void} */
function replaceShots(old, fresh) {
  const [before, after] = [all('li', old), all('li', fresh)]
  for (const [i, item] of after.entries()) if (!before[i]?.isEqualNode(item)) before[i]?.replaceWith(item)
}

/**
 * Keeps a list with unfinished films true.
 * @param {HTMLElement} list
 */
export function poll(list) {
  window.setInterval(async () => {
    if (document.hidden) return
    const fresh = await fetchPage()
    if (fresh === null) return
    const [old, next] = [all('#films > li', list), all('#films > li', fresh)]
    if (old.length !== next.length) return location.reload()
    for (const [i, item] of next.entries()) {
      if (find('.state', item)?.textContent === find('.state', old[i])?.textContent) continue
      old[i]?.replaceWith(item)
      enhance(item)
    }
  }, 4000)
}
