import { startTimer } from './timer.ts'

/** The promise's outcome, or the error made by `late` once `ms` have passed; the work itself is not stopped. */
export function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(ms, () => reject(late()))
    work.then(resolve, reject).finally(() => timer.clear())
  })
}

const nextTurn = setImmediate

/** Whether it is fulfilled in time. What came while this process was busy is read first, so that it is not taken for late. */
export function isDoneWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = startTimer(ms, () => nextTurn(() => resolve(false)))
    work
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => timer.clear())
  })
}
