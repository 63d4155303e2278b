import { startTimer, type Timer } from '../../async/timer.ts'
import { STATUS, type StatusCode } from './service-status.ts'

interface IdleTimer {
  readonly seconds: number
  readonly act: () => void | Promise<void>
}

/** Runs what a service has to do: so many messages at a time, the idle timer alone, in order of arrival. */
export class WorkLoop {
  readonly #concurrency: number
  readonly #onStatus: (code: StatusCode) => void
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #watchers = new Set<() => void>()
  #running = 0
  #isTimerDue = false
  #isTimerRunning = false
  #idle: IdleTimer | undefined
  #timer: Timer | undefined
  #isOpen: boolean = false

  constructor(concurrency: number, onStatus: (code: StatusCode) => void) {
    this.#concurrency = concurrency
    this.#onStatus = onStatus
  }

  /** What arrived before waits for this. */
  open(): void {
    this.#isOpen = true
    this.#onStatus(STATUS.idle)
    this.#restTimer()
    this.#pump()
  }

  /** Resolves when it was done; never rejects where `work` does not. */
  async add(work: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push(() => work().then(resolve, reject))
      this.#pump()
    })
  }

  /** One timer: it acts when nothing has arrived for so long. */
  setIdle(idle: IdleTimer): void {
    this.#idle = idle
    if (this.#isOpen) this.#restTimer()
  }

  /** Takes nothing new; resolves once what runs is done. What waits is left to the broker. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#timer?.clear()
    this.#waiting.length = 0
    while (this.#running > 0 || this.#isTimerRunning) await this.#nextEnd()
  }

  /** Resolves as soon as something else could be begun: a sign of life. */
  async isFree(): Promise<void> {
    while (this.#running >= this.#concurrency || this.#isTimerRunning) await this.#nextEnd()
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#watchers.add(resolve))
  }

  #pump(): void {
    if (!this.#isOpen || this.#isTimerRunning) return
    while (this.#running < this.#concurrency) {
      const work = this.#waiting.shift()
      if (work === undefined) break
      void this.#run(work)
    }
    if (this.#isTimerDue && this.#running === 0) void this.#runTimer()
  }

  async #run(work: () => Promise<void>): Promise<void> {
    this.#timer?.clear()
    this.#isTimerDue = false
    this.#running += 1
    if (this.#running === 1) this.#onStatus(STATUS.processing)
    await work()
    this.#running -= 1
    this.#ended()
  }

  async #runTimer(): Promise<void> {
    this.#isTimerDue = false
    this.#isTimerRunning = true
    this.#onStatus(STATUS.timer)
    await this.#idle?.act()
    this.#isTimerRunning = false
    this.#ended()
  }

  #ended(): void {
    for (const watcher of this.#watchers) watcher()
    this.#watchers.clear()
    if (!this.#isOpen) return
    if (this.#running === 0 && this.#waiting.length === 0) {
      this.#onStatus(STATUS.idle)
      this.#restTimer()
    }
    this.#pump()
  }

  #restTimer(): void {
    this.#timer?.clear()
    if (this.#idle === undefined || this.#running > 0 || this.#isTimerRunning) return
    this.#timer = startTimer(this.#idle.seconds * 1000, () => {
      this.#isTimerDue = true
      this.#pump()
    })
  }
}
