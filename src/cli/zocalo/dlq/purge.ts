import type { Command } from 'commander'
import { deferred } from '../../../async/deferred.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'
import {
  deadLetterQueue,
  isDeadLetterQueue,
  queueOfDeadLetters,
} from '../../../brokers/dead-letters/dead-letter-queue.ts'
import { DisconnectedError } from '../../../errors.ts'
import type { Transport, TransportHeader } from '../../../recipes/transport/transport.ts'
import { rabbitmqQueues } from '../../../services/rabbitmq-api.ts'
import { textOfError } from '../../../text-of-error.ts'
import { print, printError } from '../../output/output.ts'
import { seconds } from '../collected.ts'
import { withRefusals } from '../refusals.ts'
import { addSiteOptions, openSite, type Site, type SiteOptions } from '../site.ts'
import { storeLetter, whenOf } from './letter-file.ts'

interface PurgeOptions extends SiteOptions {
  readonly wait?: number
  readonly location?: string
  readonly outputDirectory?: string
}

const FIRST_SECONDS = 3
const NEXT_SECONDS = 0.1

const EXAMPLES = `
Each dead letter becomes a file that dlq-reinject takes, and leaves its queue once the file is written.

Examples:
  celery-toolbox dlq-purge
  celery-toolbox dlq-purge --location DLQ spots | celery-toolbox dlq-reinject`

export function addDlqPurge(program: Command): void {
  const command = program
    .command('dlq-purge')
    .description('move dead letters from their queues to files (Zocalo: zocalo.dlq_purge)')
    .argument('[queue...]', 'queues, with or without "dlq."; all of them where none is named')
    .option(
      '--wait <seconds>',
      'seconds to wait for another message (3 for the first one, then 0.1)',
      seconds,
    )
    .option('--location <folder>', 'where files go (zocalo.dlq.purge_location of the site, or DLQ)')
    .option('--output-directory <folder>', 'the same as --location')
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(
    async (queues: readonly string[], _options: unknown, self: Command) => {
      await withRefusals(() => purge(queues, self.optsWithGlobals<PurgeOptions>()))
    },
  )
}

async function purge(named: readonly string[], options: PurgeOptions): Promise<void> {
  const site = await openSite(options)
  await using transport = site.open(`dlq-purge ${process.pid}`)
  await transport.connect()
  const queues =
    named.length > 0
      ? named.map((name) => deadLetterQueue(queueOfDeadLetters(name)))
      : await allDead(site, options)
  print(`Looking for DLQ messages in ${queues.length} queues...`)
  const purging = new Purge(transport, locationOf(site, options), options.wait)
  const reports = await purging.run(queues)
  for (const [queue, lines] of reports) {
    print(`Found ${lines.length} DLQ messages in ${queue}`)
    for (const line of lines) print(line)
  }
  print('Done.')
  if (purging.failures > 0) process.exitCode = 1
}

function locationOf({ config }: Site, options: PurgeOptions): string {
  const stored = config.plugin('storage')?.['zocalo.dlq.purge_location']
  const given = options.location ?? options.outputDirectory
  return given ?? (typeof stored === 'string' ? stored : './DLQ')
}

/** Of the virtual host that the transport is connected to: others could not be read. */
async function allDead({ config }: Site, options: PurgeOptions): Promise<string[]> {
  const vhost = String(options.rabbitVhost ?? config.block('pika')?.vhost ?? '/')
  const queues = await rabbitmqQueues(config, vhost)
  return queues.map(({ name }) => name).filter(isDeadLetterQueue)
}

class Purge {
  readonly #transport: Transport
  readonly #location: string
  readonly #wait: number | undefined
  readonly #reports = new Map<string, string[]>()
  readonly #idle = deferred()
  #timer: Timer | undefined
  #inHand = 0
  failures = 0

  constructor(transport: Transport, location: string, wait: number | undefined) {
    this.#transport = transport
    this.#location = location
    this.#wait = wait
  }

  /** Until no message has come for a while. What was exported, by queue in their order. */
  async run(queues: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    this.#rest(FIRST_SECONDS)
    for (const queue of queues) {
      await this.#open(queue)
      this.#rest(FIRST_SECONDS)
    }
    await this.#idle.promise
    const found = queues.map((queue) => [queue, this.#reports.get(queue) ?? []] as const)
    return new Map(found.filter(([, lines]) => lines.length > 0))
  }

  /** A queue that is not there keeps none of the others from being emptied. */
  async #open(queue: string): Promise<void> {
    const take = async (header: TransportHeader, message: unknown): Promise<void> =>
      await this.#take(queue, header, message)
    try {
      await this.#transport.subscribe(queue, take, { acknowledgement: true })
    } catch (cause) {
      if (cause instanceof DisconnectedError) throw cause
      this.failures += 1
      printError(textOfError(cause))
    }
  }

  async #take(queue: string, header: TransportHeader, message: unknown): Promise<void> {
    this.#inHand += 1
    this.#timer?.clear()
    try {
      const { path, date } = await storeLetter(this.#location, header, message)
      await this.#transport.ack(header)
      const lines = this.#reports.get(queue) ?? []
      lines.push(`    Message ${header['message-id']} (${whenOf(date)}) exported:\n        ${path}`)
      this.#reports.set(queue, lines)
    } catch (cause) {
      // It stays in hand, and so in its queue: the next ones of this queue wait behind it.
      this.failures += 1
      printError(`a message of ${queue} cannot be exported: ${String(cause)}`)
    }
    this.#inHand -= 1
    this.#rest(NEXT_SECONDS)
  }

  #rest(usual: number): void {
    this.#timer?.clear()
    if (this.#inHand > 0) return
    this.#timer = startTimer((this.#wait ?? usual) * 1000, () => this.#idle.resolve())
  }
}
