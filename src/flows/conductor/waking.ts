import type { Logger } from '../../logger.ts'
import type { Job } from '../board/job.ts'
import type { JobBoard } from '../board/job-board.ts'
import type { FlowWait } from '../waits/flow-wait.ts'
import type { WakeUps } from '../waits/wake-ups.ts'

interface WakingParts {
  readonly board: JobBoard
  readonly wakeUps: WakeUps | undefined
  readonly logger: Logger
  /** Something may be due. */
  readonly onNews: () => void
  readonly hasRoom: () => boolean
}

const IDLE_MS = 5_000
/** Brokers keep messages back for whole seconds: what is due sooner is left to the board's clock. */
const SHORT_MS = 1_000
/** Where a broker wakes conductors, the board is looked at less often. */
const WOKEN_IDLE_MS = 15_000

/** What wakes a conductor that has nothing to do: news of the board, and a job that has become due. */
export class Waking {
  readonly #parts: WakingParts
  #unlisten: (() => Promise<void>)[] = []
  #broker: 'silent' | 'asked' | 'listened to' = 'silent'
  #isStopped = false

  constructor(parts: WakingParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { board, onNews } = this.#parts
    this.#unlisten.push(await board.listen(onNews))
    void this.#listenToBroker()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.allSettled(this.#unlisten.map(async (unlisten) => await unlisten()))
    this.#unlisten = []
  }

  /** Asks the broker to bring the moment. Without it the board is looked at by its own clock. */
  async ask(job: Job, { until }: FlowWait): Promise<void> {
    const { wakeUps, logger } = this.#parts
    if (wakeUps === undefined || until === undefined) return
    if (until - Date.now() < SHORT_MS) return
    try {
      await wakeUps.ask(job, until)
    } catch (error) {
      logger.warn(
        { err: error, job: job.uuid },
        'the broker does not take the wake-up of a job; the board wakes its conductors',
      )
    }
  }

  async waitForNews(signal: AbortSignal): Promise<void> {
    void this.#listenToBroker()
    const isWoken = this.#broker === 'listened to'
    await this.#parts.board.waitForNews(isWoken ? WOKEN_IDLE_MS : IDLE_MS, signal)
  }

  /** Where the broker is away or refuses, the board's clock wakes, and the broker is asked again at the next turn. */
  async #listenToBroker(): Promise<void> {
    const { wakeUps, board, onNews, hasRoom, logger } = this.#parts
    if (wakeUps === undefined || this.#broker !== 'silent' || this.#isStopped) return
    this.#broker = 'asked'
    try {
      const unlisten = await wakeUps.listen(() => {
        onNews()
        return hasRoom()
      })
      this.#broker = 'listened to'
      this.#unlisten.push(unlisten)
      if (this.#isStopped) await this.stop() // while the broker was asked
    } catch (error) {
      this.#broker = 'silent'
      if (this.#isStopped) return
      logger.warn(
        { err: error, board: board.name },
        'the broker does not wake this conductor, its board does; asking the broker again',
      )
    }
  }
}
