import { inspect } from 'node:util'

const LONGEST = 200

/** A value as an error message shows it: on one line, never long. */
export function showValue(value: unknown): string {
  const text = inspected(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`
}

function inspected(value: unknown): string {
  try {
    return inspect(value, {
      breakLength: Number.POSITIVE_INFINITY,
      depth: 4,
      maxStringLength: LONGEST,
    })
  } catch {
    // A value may refuse to be looked at (a throwing getter); its type still helps.
    return `<${typeof value}>`
  }
}
