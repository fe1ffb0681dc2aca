import { all, find } from './dom.js'
import { sayMoments } from './moments.js'

/**
 * What any page may hold: moments, pictures that may be missing, links to copy, places in a film.
 * @param {ParentNode} within
 */
export function enhance(within) {
  sayMoments()
  for (const picture of /** @type {HTMLImageElement[]} */ (all('img[data-optional]', within))) {
    picture.addEventListener('error', () => picture.remove())
    if (picture.complete && picture.naturalWidth === 0) picture.remove()
  }
  for (const button of all('[data-copy]', within)) copyButton(button)
  for (const link of all('[data-jump]', within)) {
    link.addEventListener('click', (event) => {
      const video = /** @type {HTMLVideoElement | null} */ (find('video'))
      if (!video) return
      event.preventDefault()
      video.currentTime = Number(link.dataset.jump)
      video.scrollIntoView({ block: 'nearest' })
      void video.play()
    })
  }
}

/** @param {HTMLElement} button */
function copyButton(button) {
  const input = /** @type {HTMLInputElement | null} */ (find(`#${button.dataset.copy}`))
  const label = button.textContent
  button.hidden = false
  button.addEventListener('click', async () => {
    input?.select()
    try {
      await navigator.clipboard.writeText(input?.value ?? '')
    } catch {
      // the text is selected: the keyboard copies it
      return
    }
    button.textContent = button.dataset.copied ?? ''
    window.setTimeout(() => {
      button.textContent = label
    }, 2500)
  })
}
