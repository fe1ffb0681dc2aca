// What a page does beside what it shows. Every page works without it.
import { ask } from './ask.js'
import { find } from './dom.js'
import { enhance } from './enhance.js'
import { follow, poll } from './follow.js'
import { sayMoments } from './moments.js'

enhance(document)
window.setInterval(sayMoments, 10_000)
const form = /** @type {HTMLFormElement | null} */ (find('form[data-ask]'))
const [job, list] = [find('[data-job]'), find('[data-poll]')]
if (form) ask(form)
if (job && 'live' in job.dataset) follow(job)
if (list) poll(list)
