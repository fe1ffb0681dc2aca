/**
 * The first element that a selector finds.
 * @template {Element} [E=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {E | null}
 */
export function find(selector, within = document) {
  return /** @type {E | null} */ (within.querySelector(selector))
}

/**
 * All that it finds.
 * @template {Element} [E=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {E[]}
 */
export function all(selector, within = document) {
  return /** @type {E[]} */ ([...within.querySelectorAll(selector)])
}

/**
 * A text of the server's with its values in it.
 * @param {string | undefined} template
 * @param {Record<string, string | number>} values
 */
export function fill(template, values) {
  return (template ?? '').replace(/\{(\w+)\}/g, (_, name) => String(values[name]))
}

/**
 * What the server says of this page now; null where it can't be asked.
 * @returns {Promise<Document | null>}
 */
export async function fetchPage() {
  const answer = await fetch(location.href).catch(() => null)
  return answer?.ok ? new DOMParser().parseFromString(await answer.text(), 'text/html') : null
}
