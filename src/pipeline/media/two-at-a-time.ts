/**
 * Works through a list, two items at the same time, and returns the results in its order. At the first failure the others are aborted
 * and waited for, so that no process still reads what the caller then clears away.
 */
export async function twoAtATime<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item, index, stop)
  }
  const workers = [worker(), worker()]
  try {
    await Promise.all(workers)
    return results
  } catch (error) {
    failed.abort(error)
    await Promise.allSettled(workers)
    throw error
  }
}
