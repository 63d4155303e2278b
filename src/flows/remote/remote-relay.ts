import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { AwaitedSignal, JobBoard } from '../board/job-board.ts'
import type { Remotes } from './remote.ts'

interface RelayOptions {
  readonly remotes: Remotes
  readonly logger?: Logger
  /** After news of the board the relay looks at it once in so long at the most. Default 500 ms. */
  readonly everyMs?: number
}

const EVERY_MS = 500
/** Without news the board is looked at once in so many turns. */
const QUIET_TURNS = 20

/** Waits for the answers of remote steps whose flows wait on the board, and wakes those flows. */
export class RemoteRelay {
  readonly #board: JobBoard
  readonly #options: RelayOptions
  readonly #turns: Periodic
  /** By their attempts: the answers that are waited for. */
  readonly #followed = new Map<string, AbortController>()
  #unlisten: (() => Promise<void>) | undefined
  #quietTurns = QUIET_TURNS

  constructor(board: JobBoard, options: RelayOptions) {
    this.#board = board
    this.#options = options
    this.#turns = periodic(async () => await this.#turn(), {
      name: 'looking for the answers of remote steps',
      everyMs: options.everyMs ?? EVERY_MS,
      logger: options.logger ?? silentLogger,
    })
  }

  async start(): Promise<void> {
    this.#unlisten = await this.#board.listen(() => {
      this.#quietTurns = QUIET_TURNS
    })
    await this.#turns.start()
  }

  async stop(): Promise<void> {
    await this.#turns.stop()
    for (const following of this.#followed.values()) following.abort()
    await this.#unlisten?.()
  }

  async #turn(): Promise<void> {
    this.#quietTurns += 1
    if (this.#quietTurns <= QUIET_TURNS) return
    this.#quietTurns = 0
    await this.#look()
  }

  /** In random order, so that none is left out for ever. A look finds what has come without a notification, too. */
  async #look(): Promise<void> {
    const { remotes } = this.#options
    const awaited = await this.#board.awaited(ATTEMPT_ID, MOST_AT_ONCE)
    const attempts = new Set(awaited.map(({ signal }) => signal))
    for (const [attempt, following] of this.#followed) if (!attempts.has(attempt)) following.abort()
    for (const one of awaited) {
      if ((await remotes.peek(one.signal)) !== undefined) await this.#wake(one)
      else if (!this.#followed.has(one.signal)) void this.#follow(one)
    }
  }

  /** What goes wrong here is left to the next look. */
  async #follow(awaited: AwaitedSignal): Promise<void> {
    const { remotes } = this.#options
    const following = new AbortController()
    this.#followed.set(awaited.signal, following)
    try {
      await remotes.outcome(awaited.signal, following.signal).catch(() => undefined) // a failure is an answer, too
      if (following.signal.aborted || (await remotes.peek(awaited.signal)) === undefined) return
      await this.#wake(awaited)
    } catch (error) {
      const { logger = silentLogger } = this.#options
      logger.debug({ err: error, attempt: awaited.signal }, 'an answer was not passed on')
    } finally {
      this.#followed.delete(awaited.signal)
    }
  }

  async #wake({ flowId, signal }: AwaitedSignal): Promise<void> {
    await this.#board.signal(flowId, signal, null)
  }
}

const MOST_AT_ONCE = 500
/** Attempts have uuids as ids, which other signals seldom have. */
const ATTEMPT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/
