/** What an error says; of anything else that was thrown, its text. It never throws. */
export function textOfError(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    // What is thrown may have no text (an object without a prototype), or refuse to be looked at (a getter that throws).
    return UNREADABLE
  }
}

const UNREADABLE = 'an error that cannot be read'
