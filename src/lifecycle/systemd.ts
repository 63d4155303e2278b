import { execFile } from 'node:child_process'
import { startInterval, type Timer } from '../async/timer.ts'

/** What systemd sets for the services it watches: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
export interface SystemdVariables {
  readonly notifySocket: string | null
  readonly watchdogUsec: string | null
  readonly watchdogPid: string | null
}

interface SystemdOptions {
  readonly variables: SystemdVariables
  /** Called once, where systemd cannot be reached: the service runs without it. */
  readonly onProblem: (problem: Error) => void
  /** Only tests give another. */
  readonly program?: string
}

/** So long may one notification take: systemd waits for nothing longer than that. */
const PATIENCE_MS = 5_000

/**
 * Notifies systemd of the state of a service of `Type=notify`: ready, stopping, starting anew, and again and again that its event loop turns
 * (`WatchdogSec=`). Node has no datagram sockets of Unix, so systemd's own `systemd-notify` sends them, which needs
 * `NotifyAccess=all`. https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 */
export class Systemd {
  readonly #options: SystemdOptions
  #last: Promise<void> = Promise.resolve()
  #hasProblem = false
  #watchdog: Timer | undefined

  constructor(options: SystemdOptions) {
    this.#options = options
  }

  /** The service has started. From now on the watchdog hears of it, until the process ends. */
  ready(status: string): void {
    this.#tell('READY=1', `STATUS=${status}`)
    const everyMs = watchdogMs(this.#options.variables)
    if (everyMs === null || this.#watchdog !== undefined) return
    this.#watchdog = startInterval(everyMs, () => this.#tell('WATCHDOG=1')).unref()
  }

  stopping(status: string): void {
    this.#tell('STOPPING=1', `STATUS=${status}`)
  }

  /** It stops to start anew: READY follows, from the next process. */
  reloading(status: string): void {
    const monotonicUsec = process.hrtime.bigint() / 1_000n
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${monotonicUsec}`, `STATUS=${status}`)
  }

  /** Waits until systemd has heard everything. */
  async close(): Promise<void> {
    this.#watchdog?.clear()
    await this.#last
  }

  /** One after the other, so that they arrive in order. */
  #tell(...words: readonly string[]): void {
    if (this.#options.variables.notifySocket === null || this.#hasProblem) return
    this.#last = this.#last.then(async () => this.#send(words))
  }

  async #send(words: readonly string[]): Promise<void> {
    const { onProblem, program = 'systemd-notify' } = this.#options
    const problem = await new Promise<Error | null>((resolve) => {
      execFile(program, words, { timeout: PATIENCE_MS }, (error) => resolve(error))
    })
    if (problem === null || this.#hasProblem) return
    this.#hasProblem = true
    onProblem(problem)
  }
}

/** A third of the time after which systemd gives up; null where no watchdog asks for this process. */
function watchdogMs({ watchdogUsec, watchdogPid }: SystemdVariables): number | null {
  const usec = Number(watchdogUsec)
  const isOurs = watchdogPid === null || Number(watchdogPid) === process.pid
  return usec > 0 && isOurs ? usec / 3_000 : null
}
