/** Application headers that travel with a message where the link has room for them: `run`, `message`, `traceparent`. */
export type MessageHeaders = Readonly<Record<string, unknown>>

/** How a source learns what became of a message. Exactly one of the three is called, once. */
export interface Settlement {
  /** All its results are safe with the publishers. */
  ack(): void | Promise<void>
  /** It was not worked on, or not to the end: the source may deliver it again. */
  giveBack(): void | Promise<void>
  /** It cannot be worked on: to the dead letters, where the source has them. */
  reject(cause: Error): void | Promise<void>
}

export interface ReceivedParts<T> {
  readonly value: T
  readonly headers?: MessageHeaders | undefined
  /** What came over the wire, kept for errors and recordings. */
  readonly bytes?: Uint8Array | undefined
  readonly topic?: string | undefined
  readonly settlement?: Settlement | undefined
  /** Why the codec could not read `bytes`; the message then follows `onError` in its turn. */
  readonly unreadable?: Error | undefined
  /** Its source says that it delivered it before. */
  readonly isRepeated?: boolean | undefined
}

export const NO_HEADERS: MessageHeaders = Object.freeze({})

/** A message as a listener hands it over; a listener that has nothing to add hands over the bare value. */
export class Received<T = unknown> {
  readonly value: T
  readonly headers: MessageHeaders
  readonly bytes: Uint8Array | undefined
  readonly topic: string | undefined
  readonly settlement: Settlement | undefined
  readonly unreadable: Error | undefined
  readonly isRepeated: boolean
  /** Counts against the byte limit of the queue. */
  readonly size: number

  constructor(parts: ReceivedParts<T>) {
    this.value = parts.value
    this.headers = parts.headers ?? NO_HEADERS
    this.bytes = parts.bytes
    this.topic = parts.topic
    this.settlement = parts.settlement
    this.unreadable = parts.unreadable
    this.isRepeated = parts.isRepeated === true
    this.size = parts.bytes?.byteLength ?? sizeOf(parts.value)
  }
}

/** What a value weighs, as far as it can be said without walking through it. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  if (value instanceof Uint8Array) return value.byteLength
  if ('frames' in value && Array.isArray(value.frames)) {
    return value.frames.reduce((sum: number, frame: unknown) => sum + sizeOf(frame), 0)
  }
  return 'data' in value && ArrayBuffer.isView(value.data) ? value.data.byteLength : 0
}
