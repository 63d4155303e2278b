import { AsyncLocalStorage } from 'node:async_hooks'
import { asError } from '../../as-error.ts'
import { encodeJson } from '../../codecs/json/json.ts'
import type { Logger } from '../../logger.ts'
import { encodeMessage } from '../transport/mangle.ts'
import type { Middleware, TransportCall } from '../transport/middleware.ts'
import type { MessageCallback, SendOptions } from '../transport/transport.ts'
import { isRecipeMessage } from '../wrapper/wrap-subscribe.ts'
import { dispatched, fieldsOf, type RunEvent, stamped } from './run-events.ts'

export type { RunEvent } from './run-events.ts'

interface RecorderParts {
  /** Sends events to where a monitor hears them. */
  readonly tell: (events: readonly RunEvent[]) => Promise<void>
  readonly log: Logger
  /** The longest body that is kept with its step, for resuming a run from there. 65,536 unless said; 0 keeps none. */
  readonly keepBytes?: number
}

type SendArgs = readonly [target: unknown, message: unknown, options?: SendOptions | undefined]

interface Step {
  readonly id: string
  isGivenBack: boolean
}

/**
 * Sends events of the steps that a service runs and the messages it sends on, so that a run is a family in the record. A
 * message is known by its content, which is all that services of every language have of it: equal ones are one row.
 */
export class RunRecorder implements Middleware {
  readonly #parts: RecorderParts
  readonly #step = new AsyncLocalStorage<Step>()
  /** Of transactions that are not committed yet. */
  readonly #held = new Map<number, RunEvent[]>()
  #sending: Promise<void> = Promise.resolve()

  constructor(parts: RecorderParts) {
    this.#parts = parts
  }

  /** Resolves once all events so far have been sent. */
  async flushed(): Promise<void> {
    await this.#sending
  }

  async around(
    call: TransportCall,
    args: readonly unknown[],
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    const result = await next()
    const [target, message, options] = args as [unknown, unknown, SendOptions | undefined]
    if (call === 'send' || call === 'broadcast') this.#onSend(call, [target, message, options])
    else if (call === 'transactionCommit') this.#release(Number(target))
    else if (call === 'transactionAbort') this.#held.delete(Number(target))
    else if (call === 'nack') {
      const step = this.#step.getStore()
      if (step !== undefined) step.isGivenBack = true
    }
    return result
  }

  aroundCallback(callback: MessageCallback): MessageCallback {
    return async (header, message) => {
      const fields = isRecipeMessage(header) ? fieldsOf(message) : null
      if (fields === null) return await callback(header, message)
      const step: Step = { id: fields.uuid, isGivenBack: false }
      this.#send([{ type: 'recipe-step-started', fields: stamped(fields) }])
      try {
        await this.#step.run(step, async () => await callback(header, message))
      } catch (error) {
        const { message: text, stack } = asError(error)
        const failed = { ...fields, exception: text, traceback: stack ?? null }
        this.#send([{ type: 'recipe-step-failed', fields: stamped(failed) }])
        throw error
      }
      const type = step.isGivenBack ? 'recipe-step-given-back' : 'recipe-step-succeeded'
      this.#send([{ type, fields: stamped(fields) }])
    }
  }

  #onSend(call: 'send' | 'broadcast', [target, message, options = {}]: SendArgs): void {
    const { headers = {}, transaction } = options
    const fields = isRecipeMessage(headers) ? fieldsOf(message) : null
    if (fields === null) return
    const parent = this.#step.getStore()?.id ?? fields.root_id
    const kept = this.#kept(call, [target, message, options])
    const sent = {
      type: 'recipe-step-sent',
      fields: stamped({ ...fields, ...kept, parent_id: parent }),
    }
    const isStart = fields.path.length === 0 && this.#step.getStore() === undefined
    const events = isStart ? [dispatched(message, fields.root_id), sent] : [sent]
    if (transaction === undefined) this.#send(events)
    else this.#held.set(transaction, [...(this.#held.get(transaction) ?? []), ...events])
  }

  /** What it takes to send the message again. */
  #kept(call: 'send' | 'broadcast', [target, message, options = {}]: SendArgs): object {
    const { keepBytes = 65_536 } = this.#parts
    const body = encodeMessage(message)
    if (Buffer.byteLength(body) > keepBytes) return {}
    const { headers = {}, exchange } = options
    return {
      message: body,
      headers: encodeJson(headers),
      ...(call === 'broadcast' ? { topic: target } : { target }),
      ...(exchange !== undefined && { exchange }),
    }
  }

  #release(transaction: number): void {
    const events = this.#held.get(transaction) ?? []
    this.#held.delete(transaction)
    const isFirst = new Set<unknown>()
    this.#send(
      events.filter(({ type, fields }) => {
        if (type !== 'recipe-dispatched') return true
        if (isFirst.has(fields.uuid)) return false
        isFirst.add(fields.uuid)
        return true
      }),
    )
  }

  /** A record that cannot be reached keeps no message from its way. */
  #send(events: readonly RunEvent[]): void {
    if (events.length === 0) return
    const { tell, log } = this.#parts
    this.#sending = this.#sending
      .then(async () => await tell(events))
      .catch((cause: unknown) => {
        log.warn({ err: cause, events: events.length }, 'events of a recipe run could not be sent')
      })
  }
}
