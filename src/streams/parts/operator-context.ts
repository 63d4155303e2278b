import type { Logger } from '../../logger.ts'
import type { MessageHeaders } from './received.ts'

/** What an operator receives besides its message. */
export interface OperatorContext {
  /** Aborted when the block has to end at once: its drain deadline has passed. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** The name of the block. */
  readonly block: string
  /** Of the message that is being worked on: its headers, topic, number in this run, and the listener it came from. */
  readonly headers: MessageHeaders
  readonly topic: string | undefined
  readonly number: number
  readonly listener: string
}
