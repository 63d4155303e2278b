import { CurrentTurn } from '../../async/turns.ts'

/** What is waiting and what runs: at most `concurrency` at a time, first come first served. */
export class Slots<Job> {
  #concurrency: number
  readonly #start: (job: Job) => void
  #waiting: Job[] = []
  #next = 0
  #running = 0
  #isPaused = false
  readonly #turn = new CurrentTurn()
  #wake: NodeJS.Immediate | undefined

  /** `start` takes a job that has got a slot; it calls `free()` when the job no longer needs it. */
  constructor(concurrency: number, start: (job: Job) => void) {
    this.#concurrency = concurrency
    this.#start = start
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.length - this.#next
  }

  /** Those that have not started. */
  get jobs(): readonly Job[] {
    return this.#waiting.slice(this.#next)
  }

  add(job: Job): void {
    this.#waiting.push(job)
    this.#fill()
  }

  free(): void {
    this.#running -= 1
    this.#fill()
  }

  /** Runs beyond a smaller number keep their slots to their end. */
  resize(concurrency: number): void {
    this.#concurrency = concurrency
    this.#fill()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#fill()
  }

  /** Takes out everything that has not started. */
  takeWaiting(): readonly Job[] {
    const waiting = this.#waiting.slice(this.#next)
    this.#waiting = []
    this.#next = 0
    return waiting
  }

  /** Takes out those that have not started. */
  remove(matches: (job: Job) => boolean): readonly Job[] {
    const waiting = this.takeWaiting()
    this.#waiting = waiting.filter((job) => !matches(job))
    return waiting.filter(matches)
  }

  #fill(): void {
    while (!this.#isPaused && this.#running < this.#concurrency) {
      if (this.waiting > 0 && this.#turn.isLong) {
        this.#fillLater()
        return
      }
      const job = this.#take()
      if (job === undefined) return
      this.#running += 1
      this.#start(job)
    }
  }

  /** Jobs that end at once would follow each other for as long as there are any, and nothing else would come in between. */
  #fillLater(): void {
    this.#wake ??= setImmediate(() => {
      this.#wake = undefined
      this.#fill()
    })
  }

  /** A moving index instead of shift(), which costs the more the longer the line is. */
  #take(): Job | undefined {
    const job = this.#waiting[this.#next]
    if (job === undefined) {
      this.#waiting = []
      this.#next = 0
      return undefined
    }
    this.#next += 1
    return job
  }
}
