/** What an error says; of anything else that was thrown, its text. It never throws. */
export function textOfError(error: unknown): string {
  try {
    return plainText(error instanceof Error ? error.message : error)
  } catch {
    // What is thrown may have no text (an object without a prototype), or refuse to be looked at (a getter that throws).
    return UNREADABLE
  }
}

/** Its stack, where looking at it is safe. */
export function stackOfError(error: Error): unknown {
  return isTextless(error.name) || isTextless(error.message) ? undefined : error.stack
}

/**
 * Of a name or a message of an error: Node writes both into the stack when that is first looked at, and a list that holds
 * another twice, and so on forty times, takes without an end.
 */
export function isTextless(part: unknown): boolean {
  return typeof part === 'object'
}

/** As `String` makes it of any value, also of an object that makes none: `{"toString": 1}` comes in messages. */
export function textOf(value: unknown): string {
  try {
    return plainText(value)
  } catch {
    return '[object Object]'
  }
}

const UNREADABLE = 'an error that cannot be read'

/** As `String` makes it, without the work of what takes long: a list may hold another twice, and that one another, and so on. */
function plainText(value: unknown): string {
  if (typeof value === 'bigint' && isLong(value)) return 'an integer of many digits'
  if (ArrayBuffer.isView(value)) return Object.prototype.toString.call(value)
  return Array.isArray(value) ? new ListText().of(value) : String(value)
}

const MOST_ITEMS = 100

class ListText {
  #left = MOST_ITEMS

  of(list: readonly unknown[]): string {
    const shown: string[] = []
    for (const item of list) {
      if (this.#left <= 0) return [...shown, '…'].join(',')
      this.#left -= 1
      shown.push(this.#item(item))
    }
    return shown.join(',')
  }

  /** As in Array's own text. */
  #item(item: unknown): string {
    if (item === null || item === undefined) return ''
    return Array.isArray(item) ? this.of(item) : plainText(item)
  }
}

/** Its text takes longer than its digits suggest. */
function isLong(value: bigint): boolean {
  return value >= MANY_DIGITS || value <= -MANY_DIGITS
}

const MANY_DIGITS = 10n ** 1000n
