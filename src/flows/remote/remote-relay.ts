import type { Database } from '../../database/database.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Board } from '../board/board.ts'
import type { Remotes } from './remote.ts'

interface RelayOptions {
  readonly board: Board
  readonly remotes: Remotes
  readonly logger?: Logger
  /** How often answers are looked for. Default 500 ms. */
  readonly everyMs?: number
}

const EVERY_MS = 500

/** Looks for the answers of remote steps whose flows wait on the board, and wakes those flows. */
export class RemoteRelay {
  readonly #database: Database
  readonly #options: RelayOptions
  readonly #turns: Periodic

  constructor(database: Database, options: RelayOptions) {
    this.#database = database
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

  async #look(): Promise<void> {
    const { board, remotes } = this.#options
    const waiting = await this.#database.query<{ flowId: string; attemptId: string }>(WAITING, [
      board.name,
    ])
    for (const { flowId, attemptId } of waiting) {
      if ((await remotes.peek(attemptId)) !== undefined) await board.signal(flowId, attemptId, null)
    }
  }
}

/** Attempts have uuids as ids, which other signals seldom have. In random order, so that none is left out for ever. */
const WAITING = `
  SELECT flow_id AS "flowId", attempt AS "attemptId" FROM flows.job, unnest(waits_for) AS attempt
  WHERE board = $1 AND state = 'UNCLAIMED' AND run_at > now() AND attempt ~ '^[0-9a-f]{8}-[0-9a-f]{4}-'
  ORDER BY random() LIMIT 500`
