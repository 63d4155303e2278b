import { sleep } from '../../async/sleep.ts'
import { startTimer, type Timer } from '../../async/timer.ts'
import { StreamError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Lane } from '../parts/lane.ts'
import type { OperatorContext } from '../parts/operator-context.ts'
import { Outgoing } from '../parts/outgoing.ts'
import { type MessageHeaders, NO_HEADERS, sizeOf } from '../parts/received.ts'
import type { BoundedQueue } from './bounded-queue.ts'
import type { Entry } from './entry.ts'
import type { BlockSettings } from './settings.ts'

/** A result on its way to the publishers. */
export interface Result {
  readonly value: unknown
  readonly headers: MessageHeaders
  readonly key: string | undefined
  /** The message it came of. */
  readonly entry: Entry | undefined
  /** Bytes: those of the message it came of, or its own. */
  readonly size: number
}

/** The run that lanes work for. */
export interface LaneHost {
  readonly name: string
  readonly operatorName: string
  readonly settings: BlockSettings
  readonly log: Logger
  readonly signal: AbortSignal
  readonly queue: BoundedQueue<Entry>
  /** Hands a result to all publishers; undefined where none of them is full. */
  offer(result: Result): Promise<void> | undefined
  /** Ends the run with an error. */
  fail(error: Error): void
  /** Takes no new messages. */
  endSources(): void
  observe(ms: number): void
}

/** One worker of a block: it takes messages from the queue, one at a time, and hands results to the publishers. */
export class RunLane implements Lane {
  readonly context: LaneContext
  readonly #run: LaneHost
  /** Its number, where each message belongs to one lane. */
  readonly #index: number | undefined

  constructor(run: LaneHost, index: number | undefined) {
    this.#run = run
    this.#index = index
    this.context = new LaneContext(run)
  }

  /** No message will come any more. */
  get isEnded(): boolean {
    return this.#run.queue.isEnded
  }

  take(): Entry | undefined {
    return this.#run.queue.take(this.#index)
  }

  onChange(look: () => void): boolean {
    return this.#run.queue.onChange(look)
  }

  /** Waits for the next message; undefined once there are no more. */
  async next(): Promise<Entry | undefined> {
    for (;;) {
      const entry = this.take()
      if (entry !== undefined || this.#run.queue.isClosed) return entry
      await this.#run.queue.changed()
    }
  }

  /** The same, but at most so long: 'late' then. */
  async nextWithin(ms: number): Promise<Entry | undefined | 'late'> {
    const late = Symbol('late')
    const entry = this.take()
    if (entry !== undefined) return entry
    if (this.#run.queue.isClosed) return undefined
    if (ms <= 0) return 'late'
    let timer: Timer | undefined
    const timeUp = new Promise<symbol>((resolve) => {
      timer = startTimer(ms, () => resolve(late))
    })
    const endsAt = performance.now() + ms
    try {
      const first = await Promise.race([this.#run.queue.changed(), timeUp])
      return first === late ? 'late' : await this.nextWithin(endsAt - performance.now())
    } finally {
      timer?.clear()
    }
  }

  /** The context of this message for the operator; the same object for each, as a lane has one message at a time. */
  contextOf(entry: Entry): OperatorContext {
    this.context.entry = entry
    return this.context
  }

  /** Hands a result to every publisher, in the order of messages; undefined where none of them is full. */
  publish(result: unknown, entry: Entry | undefined): Promise<void> | undefined {
    const turn = entry?.turn()
    if (turn === undefined) return this.#publishNow(result, entry)
    return turn.then(() => this.#publishNow(result, entry))
  }

  /** The operator has finished with the message, which is settled once the publishers have, too. */
  done(entry: Entry): Promise<void> | undefined {
    const turn = entry.turn()
    if (turn === undefined) {
      entry.pass()
      entry.close()
      return undefined
    }
    return turn.then(() => {
      entry.pass()
      entry.close()
    })
  }

  /** The operator keeps the message for a result to come: those behind it may pass. */
  hold(entry: Entry): void {
    entry.pass()
  }

  /** As `onError` says: true where the message is to be tried again, now. */
  async failed(
    entry: Entry,
    { error, attempt }: { readonly error: unknown; readonly attempt: number },
  ): Promise<boolean> {
    const { onError } = this.#run.settings
    const failure = this.#messageFailed(entry, error)
    if (attempt <= onError.times) {
      this.#run.log.warn(
        { err: failure, message: entry.number, attempt, delayMs: onError.delayMs },
        'message failed, trying it again',
      )
      await sleep(onError.delayMs, this.#run.signal).catch(() => undefined)
      if (!this.#run.signal.aborted) return true
    }
    await this.#giveUp(entry, failure)
    return false
  }

  /** Its bytes are no message: tried once, as they stay what they are. */
  async unreadable(entry: Entry): Promise<void> {
    const { unreadable, bytes } = entry.received
    const failure = new StreamError(
      'STREAM_MESSAGE_UNREADABLE',
      `block "${this.#run.name}": message ${entry.number} of ${entry.listener} cannot be read: ` +
        `${unreadable?.message ?? 'no reason given'}${beginningOf(bytes)}`,
      { cause: unreadable, bytes },
    )
    await this.#giveUp(entry, failure)
  }

  /** The operator failed between messages. */
  broke(error: unknown): void {
    this.#run.fail(
      new StreamError(
        'STREAM_MESSAGE_FAILED',
        `block "${this.#run.name}": operator ${this.#run.operatorName} failed outside of a message: ${textOfError(error)}`,
        { cause: error },
      ),
    )
  }

  /** The operator has returned although messages may come: the block ends. */
  endBlock(): void {
    this.#run.endSources()
  }

  observe(ms: number): void {
    this.#run.observe(ms)
  }

  async #giveUp(entry: Entry, failure: StreamError): Promise<void> {
    await entry.turn()
    if (this.#run.settings.onError.afterwards === 'stop') {
      this.#run.fail(failure)
      entry.giveBack()
      return
    }
    entry.pass()
    entry.close(failure)
  }

  #messageFailed(entry: Entry, error: unknown): StreamError {
    return new StreamError(
      'STREAM_MESSAGE_FAILED',
      `block "${this.#run.name}": operator ${this.#run.operatorName} failed on message ${entry.number} ` +
        `of ${entry.listener}: ${textOfError(error)}`,
      { cause: error, bytes: entry.received.bytes },
    )
  }

  #publishNow(result: unknown, entry: Entry | undefined): Promise<void> | undefined {
    const inherited = entry?.headers ?? NO_HEADERS
    if (result instanceof Outgoing) {
      const headers = { ...inherited, ...result.headers }
      const { value, key } = result
      return this.#run.offer({ value, headers, key, entry, size: entry?.size || sizeOf(value) })
    }
    const size = entry?.size || sizeOf(result)
    return this.#run.offer({ value: result, headers: inherited, key: undefined, entry, size })
  }
}

class LaneContext implements OperatorContext {
  readonly signal: AbortSignal
  readonly log: Logger
  readonly block: string
  entry: Entry | undefined

  constructor(run: LaneHost) {
    this.signal = run.signal
    this.log = run.log
    this.block = run.name
  }

  get headers(): MessageHeaders {
    return this.entry?.headers ?? NO_HEADERS
  }

  get topic(): string | undefined {
    return this.entry?.received.topic
  }

  get number(): number {
    return this.entry?.number ?? 0
  }

  get listener(): string {
    return this.entry?.listener ?? ''
  }
}

const SHOWN_BYTES = 32

function beginningOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return ''
  const hex = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex') || '(empty)'
  return `; its ${bytes.byteLength} bytes begin ${hex}${bytes.byteLength > SHOWN_BYTES ? '…' : ''}`
}
