import { Rare } from '../../async/rare.ts'
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
/** A broker that is away or refuses its queue is asked again after so long. */
const ASK_AGAIN_MS = 60_000

/** What wakes a conductor that has nothing to do: news of the board, and a job that has become due. */
export class Waking {
  readonly #parts: WakingParts
  #unlisten: (() => Promise<void>)[] = []
  #broker: 'silent' | 'asked' | 'listened to' = 'silent'
  #askAgainAt = Number.NEGATIVE_INFINITY
  readonly #refused = new Rare()
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
      this.#refused.say((more) =>
        logger.warn(
          { err: error, job: job.uuid, ...more },
          'cannot publish the wake-up of a job; conductors find it on the board when it is due',
        ),
      )
    }
  }

  async waitForNews(signal: AbortSignal): Promise<void> {
    void this.#listenToBroker()
    const isWoken = this.#broker === 'listened to'
    await this.#parts.board.waitForNews(isWoken ? WOKEN_IDLE_MS : IDLE_MS, signal)
  }

  /** Until the broker takes the subscription, the conductor is woken by the board's clock alone. */
  async #listenToBroker(): Promise<void> {
    const { wakeUps, board, onNews, hasRoom, logger } = this.#parts
    if (wakeUps === undefined || this.#broker !== 'silent' || this.#isStopped) return
    if (performance.now() < this.#askAgainAt) return
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
      this.#askAgainAt = performance.now() + ASK_AGAIN_MS
      if (this.#isStopped) return
      logger.warn(
        { err: error, board: board.name },
        'cannot receive wake-ups from the broker, looking at the board instead; trying again in a minute',
      )
    }
  }
}
