import { aborted } from '../../async/aborted.ts'
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

interface Following {
  readonly cut: AbortController
  readonly ended: Promise<void>
}

/** Waits for the answers of remote steps whose flows wait on the board, and wakes those flows. */
export class RemoteRelay {
  readonly #board: JobBoard
  readonly #options: RelayOptions
  readonly #turns: Periodic
  /** By their attempts: the answers that are waited for. */
  readonly #followed = new Map<string, Following>()
  #listening: Promise<() => Promise<void>> | undefined
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
    this.#listening ??= this.#board.listen(() => {
      this.#quietTurns = QUIET_TURNS
    })
    await this.#listening
    await this.#turns.start()
  }

  async stop(): Promise<void> {
    await this.#turns.stop()
    const followings = [...this.#followed.values()]
    for (const { cut } of followings) cut.abort()
    await Promise.all(followings.map(({ ended }) => ended))
    const unlisten = await this.#listening?.catch(() => undefined) // start() has rejected with it
    await unlisten?.()
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
    if (awaited.length < MOST_AT_ONCE) this.#dropOthers(awaited) // these are all that there are
    for (const one of awaited) {
      if ((await remotes.peek(one.signal)) !== undefined) await this.#wake(one)
      else if (!this.#followed.has(one.signal) && this.#followed.size < MOST_FOLLOWED)
        this.#follow(one)
    }
  }

  #dropOthers(awaited: readonly AwaitedSignal[]): void {
    const attempts = new Set(awaited.map(({ signal }) => signal))
    for (const [attempt, { cut }] of this.#followed) if (!attempts.has(attempt)) cut.abort()
  }

  #follow(awaited: AwaitedSignal): void {
    const cut = new AbortController()
    const ended = this.#wakeOnceAnswered(awaited, cut.signal)
    this.#followed.set(awaited.signal, { cut, ended })
  }

  /** What goes wrong here is left to the next look. */
  async #wakeOnceAnswered(awaited: AwaitedSignal, cut: AbortSignal): Promise<void> {
    try {
      if (await this.#isAnswered(awaited.signal, cut)) await this.#wake(awaited)
    } catch (error) {
      const { logger = silentLogger } = this.#options
      logger.debug({ err: error, attempt: awaited.signal }, 'an answer was not passed on')
    } finally {
      this.#followed.delete(awaited.signal)
    }
  }

  /** False where it was cut off, or cannot be waited for. */
  async #isAnswered(attempt: string, cut: AbortSignal): Promise<boolean> {
    const { remotes } = this.#options
    try {
      await Promise.race([remotes.outcome(attempt, cut), aborted(cut)])
      return !cut.aborted
    } catch {
      // That the step has failed is an answer, too.
      return !cut.aborted && (await remotes.peek(attempt)) !== undefined
    }
  }

  async #wake({ flowId, signal }: AwaitedSignal): Promise<void> {
    await this.#board.signal(flowId, signal, null)
  }
}

/** Steps that one look asks for. */
const MOST_AT_ONCE = 500
/** Steps beyond these are not waited for, but found by looks. */
const MOST_FOLLOWED = 5_000
/** Attempts have uuids as ids, which other signals seldom have. */
const ATTEMPT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/
