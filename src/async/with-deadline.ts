import { startTimer } from './timer.ts'

/** The promise's outcome, or the error made by `late` once `ms` have passed; the work itself is not stopped. */
export function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(ms, () => reject(late()))
    work.then(resolve, reject).finally(() => timer.clear())
  })
}
