import { find } from './dom.js'

/**
 * Shows the chosen picture, takes one that is dropped, and lets go of it.
 * @param {HTMLFormElement} form
 */
export function upload(form) {
  const zone = find('[data-upload]', form)
  const input = /** @type {HTMLInputElement | null} */ (find('input', zone ?? form))
  const picture = /** @type {HTMLImageElement | null} */ (find('[data-picture]', form))
  const remove = /** @type {HTMLButtonElement | null} */ (find('[data-remove]', form))
  if (!zone || !input || !picture || !remove) return

  function show() {
    const [file] = input?.files ?? []
    if (!picture || !remove) return
    URL.revokeObjectURL(picture.src)
    picture.hidden = remove.hidden = file === undefined
    if (file) picture.src = URL.createObjectURL(file)
  }
  input.addEventListener('change', show)
  remove.addEventListener('click', () => {
    input.value = ''
    show()
    input.focus()
  })
  for (const type of ['dragover', 'dragleave', 'drop']) {
    zone.addEventListener(type, (event) => {
      event.preventDefault()
      zone.toggleAttribute('data-over', type === 'dragover')
      const files = /** @type {DragEvent} */ (event).dataTransfer?.files
      if (type !== 'drop' || !files?.length) return
      input.files = files
      show()
    })
  }
}
