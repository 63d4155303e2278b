import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
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
  #saying: Periodic | undefined

  constructor(options: OutageLogOptions) {
    this.#options = options
  }

  begin(): void {
    if (this.#saying !== undefined) return
    const everyMs = this.#options.everyMs ?? 30_000
    const name = 'logging how far behind the record is'
    this.#saying = periodic(() => this.#say(), { name, everyMs, firstAfterMs: everyMs })
    void this.#saying.start()
  }

  end(): void {
    // Its last turn asks a broker that may be away, and is not waited for.
    this.#saying?.stop().catch(() => undefined)
    this.#saying = undefined
  }

  async #say(): Promise<void> {
    const { logger, behind } = this.#options
    try {
      logger.warn(await behind(), 'the record is behind: the database is unreachable')
    } catch (cause) {
      // The broker is away too; it has its own lines in the log.
      logger.debug({ err: cause }, 'cannot read how far behind the record is')
    }
  }
}
