import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until there is what is looked for: anything but undefined, null and false. `instead` tells what there was instead. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { seconds = 30, instead = () => '' }: { seconds?: number; instead?: () => string } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const last = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (found) return found as Exclude<T, undefined | null | false>
    if (Date.now() > last) throw new Error(`there was never ${what}${instead()}`)
    await sleep(20)
  }
}
