import { inspect } from 'node:util'

export interface WaitOptions {
  /** Default 15 s. */
  readonly deadlineMs?: number
  /** Default 25 ms. */
  readonly everyMs?: number
}

/**
 * Asks again and again until `check` answers something (not undefined, null or false) without throwing, and returns
 * that; past the deadline it throws, naming `what` was waited for and what was seen last.
 */
export async function waitFor<Value>(
  what: string,
  check: () => Promise<Value> | Value,
  { deadlineMs = 15_000, everyMs = 25 }: WaitOptions = {},
): Promise<Exclude<Value, undefined | null | false>> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const seen = await attempt(check)
    if (isThere(seen.value)) return seen.value
    if (Date.now() > deadline) {
      const last = seen.cause === undefined ? inspect(seen.value) : inspect(seen.cause)
      throw new Error(`waited ${deadlineMs} ms for ${what}; seen last: ${last}`, {
        cause: seen.cause,
      })
    }
    await new Promise((wake) => setTimeout(wake, everyMs))
  }
}

async function attempt<Value>(
  check: () => Promise<Value> | Value,
): Promise<{ value?: Value; cause?: unknown }> {
  try {
    return { value: await check() }
  } catch (cause) {
    return { cause }
  }
}

function isThere<Value>(
  value: Value | undefined,
): value is Exclude<Value, undefined | null | false> {
  return value !== undefined && value !== null && value !== false
}
