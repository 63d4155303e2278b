import { startInterval, type Timer } from '../../async/timer.ts'
import type { Logger } from '../../logger.ts'

interface OutageLogOptions {
  readonly logger: Logger
  /** How far behind the record is by now: fields of a log line. */
  readonly behind: () => Promise<Readonly<Record<string, unknown>>>
  /** Default 30 s. */
  readonly everyMs?: number
}

/** Says now and then how far behind the record is, for as long as the database is away. */
export class OutageLog {
  readonly #options: OutageLogOptions
  #timer: Timer | undefined

  constructor(options: OutageLogOptions) {
    this.#options = options
  }

  begin(): void {
    this.#timer ??= startInterval(this.#options.everyMs ?? 30_000, () => void this.#say()).unref()
  }

  end(): void {
    this.#timer?.clear()
    this.#timer = undefined
  }

  async #say(): Promise<void> {
    const { logger, behind } = this.#options
    try {
      logger.warn(await behind(), 'the record is behind: the database is unreachable')
    } catch (cause) {
      // The broker is away too; it has its own lines in the log.
      logger.debug({ err: cause }, 'it is unknown how far behind the record is')
    }
  }
}
