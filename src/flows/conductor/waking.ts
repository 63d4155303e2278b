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

  constructor(parts: WakingParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { board, wakeUps, onNews, hasRoom } = this.#parts
    this.#unlisten.push(await board.listen(onNews))
    if (wakeUps === undefined) return
    const unlisten = await wakeUps.listen(() => {
      onNews()
      return hasRoom()
    })
    this.#unlisten.push(unlisten)
  }

  async stop(): Promise<void> {
    for (const unlisten of this.#unlisten) await unlisten()
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
    const { board, wakeUps } = this.#parts
    await board.waitForNews(wakeUps === undefined ? IDLE_MS : WOKEN_IDLE_MS, signal)
  }
}
