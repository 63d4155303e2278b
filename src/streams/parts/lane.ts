import type { Entry } from '../block/entry.ts'
import type { OperatorContext } from './operator-context.ts'

/** How an operator takes messages and gives results; for operators that need more than `process`, as windows do. */
export interface Lane {
  readonly context: OperatorContext
  /** No message will come any more. */
  readonly isEnded: boolean
  /** The next message, where one waits. */
  take(): Entry | undefined
  /** Calls `look` once, when a message may have come or none will; false where none will. */
  onChange(look: () => void): boolean
  /** Waits for the next message; undefined once there are no more. */
  next(): Promise<Entry | undefined>
  /** The same, but at most so long: 'late' then. */
  nextWithin(ms: number): Promise<Entry | undefined | 'late'>
  /** The context of this message for the operator. */
  contextOf(entry: Entry): OperatorContext
  /** Hands a result to every publisher; undefined where none of them is full. */
  publish(result: unknown, entry: Entry | undefined): Promise<void> | undefined
  /** The operator has finished with the message, which is settled once the publishers have, too. */
  done(entry: Entry): Promise<void> | undefined
  /** The operator keeps the message for a result to come: those behind it may pass. */
  hold(entry: Entry): void
  /** As `onError` says: true where the message is to be tried again, now. */
  failed(
    entry: Entry,
    failure: { readonly error: unknown; readonly attempt: number },
  ): Promise<boolean>
  /** Its bytes are no message. */
  unreadable(entry: Entry): Promise<void>
  /** The operator failed between messages. */
  broke(error: unknown): void
  /** The operator has returned although messages may come. */
  endBlock(): void
  /** How long the operator took for a message. */
  observe(ms: number): void
}
