import { inject } from 'vitest'

/** Asks for something that all tests share, or for one of its own; see `global-setup.ts` for what there is. */
export async function askShared(path: string): Promise<string> {
  const answer = await fetch(`${inject('shared')}${path}`)
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text
}
