import { type ResourceLimits, Worker, type WorkerOptions } from 'node:worker_threads'
import { deferred } from './deferred.ts'
import { startTimer } from './timer.ts'

interface ThreadOptions {
  /** The module that the thread runs: it gives `serveThread` a function. */
  readonly module: () => URL
  /** A job that takes longer ends with its thread; the next job gets a new one. */
  readonly jobMs: number
  readonly limits?: ResourceLimits
}

/** Why a job has no outcome: it took too long, or more memory than its thread may have. */
export class ThreadLost extends Error {
  readonly reason: 'time' | 'memory' | 'crash'

  constructor(reason: ThreadLost['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

interface ThreadJob {
  readonly job: unknown
  readonly own?: ArrayBuffer[]
}

/** What a thread answers: errors come as text, since their classes do not cross over. */
export type ThreadAnswer =
  | { readonly value: unknown }
  | {
      readonly failure: { readonly name: string; readonly code?: string; readonly message: string }
    }

/**
 * A thread beside the event loop, for work that cannot be divided. It starts with the first job, does one job at a
 * time, and keeps no process alive.
 */
export class Thread {
  readonly #options: ThreadOptions
  #worker: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #isBusy = false

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /**
   * The answer to a job, once those before it are done. Rejects with `ThreadLost`. The job is made when its turn has come; bytes that it
   * names as its own are handed over, not copied.
   */
  async run(make: () => ThreadJob): Promise<ThreadAnswer> {
    const answer = this.#last.then(() => this.#run(make))
    // Only that it ended: an answer of many megabytes would be kept until the next one.
    this.#last = answer.then(NOTHING, NOTHING)
    return await answer
  }

  /** The next job gets a new thread: this one has taken memory that it would keep. Resolves once it has given that back. */
  async renew(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined || this.#isBusy) return
    this.#forget(worker)
    await worker.terminate()
  }

  async #run(make: () => ThreadJob): Promise<ThreadAnswer> {
    const worker = this.#started()
    const answer = deferred<ThreadAnswer>()
    let tooLong: ThreadLost | undefined
    const timer = startTimer(this.#options.jobMs, () => {
      tooLong = this.#abandon(worker)
    })
    const onError = (cause: Error): void => answer.reject(lost(cause))
    // One that was abandoned has given its memory back by then.
    const onExit = (): void => answer.reject(tooLong ?? new ThreadLost('crash', 'its thread ended'))
    worker.once('message', answer.resolve).once('error', onError).once('exit', onExit)
    // Someone waits for the answer, so the process must live as long as the job.
    worker.ref()
    this.#isBusy = true
    try {
      const { job, own } = make()
      worker.postMessage(job, own)
      return await answer.promise
    } finally {
      timer.clear()
      this.#isBusy = false
      worker.off('message', answer.resolve).off('error', onError).off('exit', onExit)
      worker.unref()
    }
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const { module, limits } = this.#options
    const worker = startWorker(module(), limits === undefined ? {} : { resourceLimits: limits })
    // Errors are the job's; between two jobs no caller waits for one, and the next job starts a new thread.
    worker.on('error', () => this.#forget(worker))
    worker.on('exit', () => this.#forget(worker))
    this.#worker = worker
    return worker
  }

  #abandon(worker: Worker): ThreadLost {
    this.#forget(worker)
    void worker.terminate()
    return new ThreadLost('time', `it took more than ${this.#options.jobMs / 1000} seconds`)
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
  }
}

const NOTHING = (): undefined => undefined

/** Tests run the sources as they are, and Node 20 reads no TypeScript by itself. */
function startWorker(module: URL, options: WorkerOptions): Worker {
  if (!module.pathname.endsWith('.ts')) return new Worker(module, options)
  const start = `import('tsx/esm/api').then((tsx) => tsx.register()).then(() => import(${JSON.stringify(module.href)}))`
  return new Worker(start, { ...options, eval: true })
}

function lost(cause: Error & { readonly code?: string }): ThreadLost {
  const isMemory = cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
  const why = isMemory ? 'it took more memory than its thread may have' : cause.message
  return new ThreadLost(isMemory ? 'memory' : 'crash', why, { cause })
}
