import type { Client } from 'pg'
import { type Backoff, retry } from '../async/backoff.ts'
import { startInterval } from '../async/timer.ts'
import { isDoneWithin, withDeadline } from '../async/with-deadline.ts'
import type { Logger } from '../logger.ts'
import { endAtOnce, endInTime } from './silence-watch.ts'

/** How often the server is asked whether it is still there: it may have nothing to send. */
const SILENT_MS = 10_000

const BACKOFF: Backoff = { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 0.5 }

interface ListenerOptions {
  readonly channel: string
  readonly connect: () => Promise<Client>
  readonly onNotify: (text: string) => void
  readonly logger: Logger
  readonly silentMs?: number | undefined
}

/** LISTENs on one channel over a connection of its own, and opens it again when it is lost. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #stopping = new AbortController()
  #client: Client | undefined
  #watching: Promise<void> = Promise.resolve()

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** Rejects when the first connection cannot be had; later losses are mended in the background. */
  async start(): Promise<void> {
    const lost = await this.#listen()
    this.#watching = this.#watch(lost)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#client !== undefined) await endInTime(this.#client)
    await this.#watching
  }

  /** Resolves, once the server listens, to a promise that resolves when the connection is gone. */
  async #listen(): Promise<{ readonly lost: Promise<void> }> {
    const client = await this.#options.connect()
    const lost = new Promise<void>((resolve) => {
      client.once('end', resolve)
    })
    client.on('notification', ({ payload }) => this.#options.onNotify(payload ?? ''))
    this.#client = client
    try {
      const listening = client.query(`LISTEN ${client.escapeIdentifier(this.#options.channel)}`)
      await withDeadline(listening, this.#silentMs, () => new Error('no answer to LISTEN'))
    } catch (error) {
      endAtOnce(client)
      throw error
    }
    const checks = startInterval(this.#silentMs, () => void this.#closeIfSilent(client)).unref()
    void lost.then(() => checks.clear())
    if (this.#stopping.signal.aborted) await endInTime(client)
    return { lost }
  }

  get #silentMs(): number {
    return this.#options.silentMs ?? SILENT_MS
  }

  /** A network that swallows packets closes no connection. */
  async #closeIfSilent(client: Client): Promise<void> {
    if (!(await isDoneWithin(this.#silentMs / 2, client.query('SELECT 1')))) endAtOnce(client)
  }

  async #watch(first: { readonly lost: Promise<void> }): Promise<void> {
    const { logger, channel } = this.#options
    await first.lost
    while (!this.#stopping.signal.aborted) {
      logger.warn({ channel }, 'database connection lost, listening again')
      const next = await this.#listenAgain()
      await next?.lost
    }
  }

  async #listenAgain(): Promise<{ readonly lost: Promise<void> } | undefined> {
    const { signal } = this.#stopping
    const { logger, channel } = this.#options
    try {
      return await retry(() => this.#listen(), {
        backoff: BACKOFF,
        signal,
        onFailure: ({ cause, delayMs }) => {
          logger.debug({ channel, delayMs, err: cause }, 'database unavailable, listening later')
        },
      })
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }
}
