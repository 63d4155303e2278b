import type { Broker } from '../../brokers/broker.ts'
import {
  deadLetterQueue,
  queueOfDeadLetters,
} from '../../brokers/dead-letters/dead-letter-queue.ts'
import { giveBack, type KeptLetter, takeLetters } from '../../brokers/dead-letters/kept-letters.ts'
import type { Config } from '../../config/config.ts'
import { UsageError } from '../../errors.ts'
import { commandLogger, type GlobalOptions, openApp } from '../app/open-app.ts'
import { depthOf } from '../queue-states.ts'

export interface LettersOptions extends GlobalOptions {
  readonly queues?: readonly string[]
  readonly limit: number
  readonly json?: boolean
}

export const QUEUES = ['-Q, --queues <names>', 'only what died in these queues'] as const
export const LIMIT = ['--limit <n>', 'look at this many of each queue at most'] as const
export const MOST_LOOKED_AT = 1_000

/** What waits in one dead-letter queue. */
interface LettersOfQueue {
  readonly letters: readonly KeptLetter[]
  readonly broker: Broker
}

/** Takes the dead letters of the app's queues, one queue at a time, and gives back what the caller has not settled. */
export async function* lettersOfQueues(options: LettersOptions): AsyncGenerator<LettersOfQueue> {
  await using app = await openApp(options, { usesQueues: true })
  app.useLogger(await commandLogger(app.config, options))
  const broker = app.broker()
  for (const queue of askedQueues(app.config, options.queues)) {
    const deadQueue = deadLetterQueue(queue)
    if ((await depthOf(broker, deadQueue)) === undefined) continue
    const letters = await takeLetters(broker, deadQueue, options.limit)
    try {
      yield { letters, broker }
    } finally {
      await giveBack(broker, letters)
    }
  }
}

function askedQueues(config: Config, asked: readonly string[] | undefined): readonly string[] {
  const known = [...config.workQueues(), config.platformQueue]
  const names = asked?.map(queueOfDeadLetters)
  const unknown = names?.find((name) => !known.includes(name))
  if (unknown === undefined) return names ?? known
  throw new UsageError(`there is no queue "${unknown}"; the queues are: ${known.join(', ')}`)
}
