import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { JobBoard } from '../board/job-board.ts'
import type { Remotes } from './remote.ts'

interface RelayOptions {
  readonly remotes: Remotes
  readonly logger?: Logger
  /** How often answers are looked for. Default 500 ms. */
  readonly everyMs?: number
}

const EVERY_MS = 500

/** Looks for the answers of remote steps whose flows wait on the board, and wakes those flows. */
export class RemoteRelay {
  readonly #board: JobBoard
  readonly #options: RelayOptions
  readonly #turns: Periodic

  constructor(board: JobBoard, options: RelayOptions) {
    this.#board = board
    this.#options = options
    this.#turns = periodic(async () => await this.#look(), {
      name: 'looking for the answers of remote steps',
      everyMs: options.everyMs ?? EVERY_MS,
      logger: options.logger ?? silentLogger,
    })
  }

  async start(): Promise<void> {
    await this.#turns.start()
  }

  async stop(): Promise<void> {
    await this.#turns.stop()
  }

  /** In random order, so that none is left out for ever. */
  async #look(): Promise<void> {
    const { remotes } = this.#options
    for (const { flowId, signal } of await this.#board.awaited(ATTEMPT_ID, MOST_AT_ONCE)) {
      if ((await remotes.peek(signal)) !== undefined) await this.#board.signal(flowId, signal, null)
    }
  }
}

const MOST_AT_ONCE = 500
/** Attempts have uuids as ids, which other signals seldom have. */
const ATTEMPT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/
