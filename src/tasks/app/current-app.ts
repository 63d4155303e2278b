import type { ResultStore } from '../../results/result-store.ts'

interface ResultsOwner {
  results(): Promise<ResultStore>
}

let last: WeakRef<ResultsOwner> | undefined

/** The app that was created last: Celery's `current_app`, for the few things that belong to no app by themselves. */
export function currentApp(): ResultsOwner | undefined {
  return last?.deref()
}

export function becomeCurrent(app: ResultsOwner): void {
  last = new WeakRef(app)
}
