/** What an error says; of anything else that was thrown, its text. It never throws. */
export function textOfError(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    // What is thrown may have no text (an object without a prototype), or refuse to be looked at (a getter that throws).
    return UNREADABLE
  }
}

/** As `String` makes it of any value, also of an object that makes none: `{"toString": 1}` comes in messages. */
export function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return '[object Object]'
  }
}

const UNREADABLE = 'an error that cannot be read'
