import type { ProtocolError } from '../../errors.ts'
import type { Headers, MessageProperties, Route } from '../message.ts'

/** A call to be made later, as it travels in callbacks, errbacks, chains and chords (Celery's signature dict). */
export interface SignatureDict {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, unknown>>
  readonly subtask_type: string | null
  readonly immutable: boolean
}

/** What follows a task: the third element of a protocol 2 body. */
export interface Embed {
  readonly callbacks: readonly SignatureDict[] | null
  readonly errbacks: readonly SignatureDict[] | null
  /** The remaining steps; the LAST element is the next one. */
  readonly chain: readonly SignatureDict[] | null
  readonly chord: SignatureDict | null
}

/** What a call and the message made from it share. Times are ISO 8601 text, as they travel. */
interface TaskFields extends Embed {
  readonly id: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly rootId: string | null
  readonly parentId: string | null
  readonly group: string | null
  readonly groupIndex: number | null
  readonly shadow: string | null
  readonly eta: string | null
  readonly expires: string | null
  readonly retries: number
  /** Seconds. */
  readonly timeLimit: number | null
  /** Seconds. */
  readonly softTimeLimit: number | null
  readonly origin: string | null
  readonly argsrepr: string | null
  readonly kwargsrepr: string | null
  readonly ignoreResult: boolean | null
  readonly replacedTaskNesting: number
  readonly stampedHeaders: readonly string[] | null
  readonly stamps: Readonly<Record<string, unknown>>
  /** Null is a message without the property; a call that says nothing is sent with 0, as in Celery. */
  readonly priority: number | null
  readonly replyTo: string | null
  readonly correlationId: string | null
}

/** A call, ready to be encoded. What is absent gets Celery's default. */
export interface TaskCall extends Partial<TaskFields> {
  readonly id: string
  readonly task: string
  /** User headers, merged at the top level of the message's headers. */
  readonly headers?: Headers
  /** "json" (default), "yaml", "msgpack". */
  readonly serializer?: string
  /** 2 is persistent (default), 1 transient. */
  readonly deliveryMode?: 1 | 2
  /** Milliseconds until the broker may drop the message; follows from `expires`. */
  readonly expirationMs?: number
}

/** How a message came to the worker. */
export interface DeliveryInfo extends Route {
  /** The broker has delivered it before. */
  readonly redelivered: boolean
}

/** A decoded message: what the worker runs. */
export interface TaskRequest extends TaskFields {
  readonly protocol: 1 | 2
  readonly lang: string | null
  /** All headers as they came, user headers among them. */
  readonly headers: Headers
  /** The message's own properties as they came. */
  readonly properties: MessageProperties
  readonly deliveryInfo: DeliveryInfo
  /** How the body was serialised, so that what follows is sent alike: "json", "yaml", ... */
  readonly serializer: string
  /**
   * Why this request must fail without being run: it can be read, yet cannot do what it asks (Python stores
   * FAILURE for it too). Absent where all is well.
   */
  readonly fault?: ProtocolError
}
