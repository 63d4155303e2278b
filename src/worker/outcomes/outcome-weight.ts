import { isLongInteger } from '../../codecs/encodable.ts'
import { stackOfError } from '../../text-of-error.ts'
import type { Outcome } from './outcome.ts'

/** From here on an outcome keeps its slot until it is stored, and is written in a turn of the event loop of its own. */
const LARGE = 256 * 1024

/** Whether encoding, storing and logging it takes memory and time that others would notice. */
export function isLargeOutcome(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case 'success':
      return isLarge(outcome.value)
    case 'failure':
      return isLarge(outcome.error)
    case 'retry':
      return isLarge([outcome.cause, outcome.options.args, outcome.options.kwargs])
    default:
      return false
  }
}

function isLarge(value: unknown): boolean {
  try {
    return new Weighing().reachesLarge(value)
  } catch {
    return true // What refuses to be looked at may be of any size.
  }
}

/** About what a value takes, looked at for as long as that is little: a value may hold itself, or be without an end. */
class Weighing {
  readonly #open: unknown[] = []
  #bytes = 0

  reachesLarge(root: unknown): boolean {
    this.#open.push(root)
    while (this.#open.length > 0 && this.#bytes < LARGE) this.#add(this.#open.pop())
    return this.#bytes >= LARGE
  }

  #add(value: unknown): void {
    this.#bytes += 8
    if (typeof value === 'string') this.#bytes += value.length
    else if (typeof value === 'bigint') this.#bytes += isLongInteger(value) ? LARGE : 8
    else if (typeof value === 'object' && value !== null) this.#addObject(value)
  }

  #addObject(value: object): void {
    this.#bytes += 16
    if (ArrayBuffer.isView(value)) this.#bytes += value.byteLength
    else if (Array.isArray(value)) this.#addItems(value, value.length)
    else if (value instanceof Set) this.#addItems(value, value.size)
    else if (value instanceof Map) {
      this.#addItems(value.keys(), value.size)
      this.#addItems(value.values(), value.size)
    } else if (value instanceof Error)
      this.#addItems([value.message, stackOfError(value), value.cause], 3)
    else {
      const keys = Object.keys(value)
      this.#addItems(keys, keys.length)
      this.#addItems(Object.values(value), keys.length)
    }
  }

  /** Without a look at them where they are many. */
  #addItems(items: Iterable<unknown>, count: number): void {
    this.#bytes += 8 * count
    if (this.#bytes < LARGE) this.#open.push(...items)
  }
}
