import type { Command } from 'commander'
import { deferred } from '../../async/deferred.ts'
import { sleep } from '../../async/sleep.ts'
import { startTimer, type Timer } from '../../async/timer.ts'
import { isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { pythonStr } from '../../codecs/python/python-text.ts'
import { ackWith } from '../../recipes/transport/ack-with.ts'
import type { Transport, TransportHeader } from '../../recipes/transport/transport.ts'
import { RecipeWrapper } from '../../recipes/wrapper/recipe-wrapper.ts'
import { print, printError } from '../output/output.ts'
import { seconds } from './collected.ts'
import { refuse, withRefusals } from './refusals.ts'
import { addSiteOptions, openSite, type SiteOptions } from './site.ts'

interface DrainOptions extends SiteOptions {
  readonly wait: number
  readonly stop: number
}

const EXAMPLES = `
Examples:
  celery-toolbox queue-drain spots spots.later
  celery-toolbox queue-drain --stop 0 parked .        (each recipe message to the queue of its own step)`

/** What the broker or a transport has made of a message; a copy has its own. */
const DROPPED: ReadonlySet<string> = new Set([
  'consumer_tag',
  'content-length',
  'delivery_mode',
  'destination',
  'exchange',
  'expires',
  'message-id',
  'original-destination',
  'originalExpiration',
  'redelivered',
  'routing_key',
  'subscription',
  'timestamp',
])

export function addQueueDrain(program: Command): void {
  const command = program
    .command('queue-drain')
    .description('move messages from one queue to another (Zocalo: zocalo.queue_drain)')
    .argument('<source>', 'the queue to take messages from')
    .argument(
      '<destination>',
      'the queue to send them to; "." for the one of a recipe message\'s step',
    )
    .option('--wait <seconds>', 'seconds between two messages', seconds, 5)
    .option(
      '--stop <seconds>',
      'end after so many seconds without a message; 0: never',
      seconds,
      60,
    )
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(
    async (source: string, destination: string, _options: unknown, self: Command) => {
      await withRefusals(() => drain(source, destination, self.optsWithGlobals<DrainOptions>()))
    },
  )
}

async function drain(source: string, destination: string, options: DrainOptions): Promise<void> {
  const site = await openSite(options)
  await using transport = site.open(`queue-drain ${process.pid}`)
  await transport.connect()
  print(`Reading messages from ${source}`)
  print(
    destination === '.'
      ? 'Writing messages to automatically determined destinations'
      : `Writing messages to ${destination}`,
  )
  await new Drain(transport, destination, options).run(source)
}

class Drain {
  readonly #transport: Transport
  readonly #destination: string
  readonly #options: DrainOptions
  readonly #ended = deferred()
  readonly #startedAt = performance.now()
  #turn: Promise<void> = Promise.resolve()
  #count = 0
  #isOver = false
  #timer: Timer | undefined

  constructor(transport: Transport, destination: string, options: DrainOptions) {
    this.#transport = transport
    this.#destination = destination
    this.#options = options
  }

  async run(source: string): Promise<void> {
    const cancel = (): void => {
      printError(
        `\nCancelling, ${this.#count} message(s) drained, 0 message(s) unprocessed in memory`,
      )
      process.exitCode = 1
      this.#end()
    }
    process.once('SIGINT', cancel)
    this.#rest()
    const take = async (header: TransportHeader, message: unknown): Promise<void> => {
      this.#timer?.clear()
      this.#turn = this.#turn.then(() => this.#take(header, message))
      await this.#turn
    }
    await this.#transport.subscribe(source, take, { acknowledgement: true })
    await this.#ended.promise
    process.off('SIGINT', cancel)
  }

  /** One after the other: the next one comes as soon as this one is acknowledged. */
  async #take(header: TransportHeader, message: unknown): Promise<void> {
    if (this.#isOver) return
    this.#timer?.clear()
    try {
      await this.#move(header, message)
      if (!this.#isOver) this.#rest()
    } catch (cause) {
      this.#isOver = true
      this.#ended.reject(cause)
    }
  }

  async #move(header: TransportHeader, message: unknown): Promise<void> {
    print('')
    const queue = this.#target(message)
    const kept = Object.entries(header).filter(([name]) => !DROPPED.has(name))
    await ackWith(this.#transport, header, async (transaction) => {
      const options = { headers: Object.fromEntries(kept), ...transaction }
      if (message instanceof Uint8Array) await this.#transport.rawSend(queue, message, options)
      else await this.#transport.send(queue, message, options)
    })
    this.#count += 1
    const spent = ((performance.now() - this.#startedAt) / 1000).toFixed(1)
    print(`${String(this.#count).padStart(4)} message(s) drained in ${spent} seconds`)
    await sleep(this.#options.wait * 1000)
  }

  #target(message: unknown): string {
    const environment = isDict(message) ? itemAtKey(message, 'environment') : undefined
    const id = isDict(environment) ? itemAtKey(environment, 'ID') : undefined
    if (id !== undefined) print(`Recipe ID:    ${pythonStr(id)}`)
    if (this.#destination !== '.') return this.#destination
    const queue = id === undefined ? null : queueOfStep(message)
    if (queue === null) return refuse('Could not determine target queue for message')
    print(`Target Queue: ${queue}`)
    return queue
  }

  #rest(): void {
    const { stop } = this.#options
    if (stop === 0) return
    this.#timer = startTimer(stop * 1000, () => {
      print(`${this.#count} message(s) drained, no message seen for ${stop.toFixed(1)} seconds`)
      this.#end()
    })
  }

  #end(): void {
    this.#isOver = true
    this.#timer?.clear()
    this.#ended.resolve()
  }
}

function queueOfStep(message: unknown): string | null {
  try {
    const step = new RecipeWrapper({ message }).recipeStep
    const queue = step === null ? undefined : itemAtKey(step, 'queue')
    return typeof queue === 'string' && queue !== '' ? queue : null
  } catch {
    return null // no recipe message
  }
}
