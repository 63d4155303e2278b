import type { Database } from '../../database/database.ts'
import type { Logger } from '../../logger.ts'

/** NOTIFY takes less than 8000 bytes. */
const LONGEST_BYTES = 7900
const CHANNEL = 'celery_taskmeta'
const SEPARATOR = '\n'

/**
 * Notifies the callers that wait for results. Apart from the write and after it: inside the same
 * transaction, all who notify would commit one after the other. A message lost is made up by looking.
 */
export class ResultAnnouncer {
  readonly #database: Database
  readonly #logger: Logger
  #taskIds: string[] = []
  #sending: Promise<void> | undefined

  constructor(database: Database, logger: Logger) {
    this.#database = database
    this.#logger = logger
  }

  announce(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.#taskIds.push(taskId)
    if (taskIds.length > 0) this.#sending ??= this.#send()
  }

  /** Resolves when everything announced so far is sent. */
  async drain(): Promise<void> {
    await this.#sending
  }

  async #send(): Promise<void> {
    while (this.#taskIds.length > 0) {
      const texts = packed(this.#taskIds)
      this.#taskIds = []
      try {
        await this.#database.query(
          `select pg_notify('${CHANNEL}', text) from unnest($1::text[]) as text`,
          [texts],
        )
      } catch (error) {
        this.#logger.debug({ err: error }, 'results not announced, waiting callers will poll')
      }
    }
    this.#sending = undefined
  }
}

/** Calls back with the ids of each announcement; the function returned stops it. */
export function listenForResults(
  database: Database,
  onResults: (taskIds: readonly string[]) => void,
): Promise<() => Promise<void>> {
  return database.listen(CHANNEL, (text) => onResults(text.split(SEPARATOR)))
}

function packed(taskIds: readonly string[]): string[] {
  const texts: string[] = []
  let bytes = LONGEST_BYTES
  for (const taskId of taskIds) {
    const size = Buffer.byteLength(taskId) + SEPARATOR.length
    bytes += size
    if (bytes > LONGEST_BYTES) {
      texts.push(taskId)
      bytes = size
    } else {
      texts.push(`${texts.pop()}${SEPARATOR}${taskId}`)
    }
  }
  return texts
}
