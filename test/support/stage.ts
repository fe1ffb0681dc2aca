import { until } from './until.ts'

/** Work that runs until it is told to end. */
export function createStage() {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<boolean>>()
  let most = 0
  return {
    /** What has begun so far, in order; what began again is there again. */
    begun,
    running: () => [...ends.keys()],
    mostAtOnce: () => most,
    /** Resolves with what `end` says: whether nothing is left to do. */
    async perform(name: string): Promise<boolean> {
      const end = Promise.withResolvers<boolean>()
      begun.push(name)
      ends.set(name, end)
      most = Math.max(most, ends.size)
      return end.promise.finally(() => ends.delete(name))
    },
    /** Resolves when just these are running. */
    async runs(...names: string[]): Promise<void> {
      const now = () => [...ends.keys()].toSorted().join()
      await until(`just ${names}`, () => now() === names.toSorted().join(), {
        instead: () => `, but ${now()}`,
      })
    },
    async end(name: string, how: boolean | Error = true): Promise<void> {
      const end = await until(`a run of ${name}`, () => ends.get(name))
      if (how instanceof Error) end.reject(how)
      else end.resolve(how)
      await until(`an end of ${name}`, () => ends.get(name) !== end)
    },
    /** Ends whatever runs, one after the other, until so many have begun. */
    async endAll(count: number): Promise<void> {
      while (begun.length < count || ends.size > 0) {
        await this.end(await until('a run', () => [...ends.keys()][0]))
      }
    },
  }
}
