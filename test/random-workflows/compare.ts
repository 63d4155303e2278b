import { isDeepStrictEqual } from 'node:util'
import type { Measured, Outcome } from './outcome.ts'

/** How a workflow compares with what Python alone makes of it. */
export type Verdict =
  | { readonly kind: 'same' }
  /** Differs as docs/interop.md lists it. */
  | { readonly kind: 'listed'; readonly why: string }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'different'; readonly what: readonly string[] }

export function verdictOf(measured: Measured): Verdict {
  const { expected, actual } = measured
  if ('unfinished' in actual.end) return { kind: 'unfinished' }
  if ('unfinished' in expected.end) return { kind: 'listed', why: NEVER_IN_PYTHON }
  const what = differences(expected, actual)
  if (what.length === 0) return { kind: 'same' }
  const listed = LISTED.find(({ holds }) => holds(measured, what))
  return listed === undefined ? { kind: 'different', what } : { kind: 'listed', why: listed.why }
}

function differences(expected: Outcome, actual: Outcome): readonly string[] {
  const ends = isDeepStrictEqual(expected.end, actual.end)
    ? []
    : [`end: ${JSON.stringify(actual.end)}, with Python alone ${JSON.stringify(expected.end)}`]
  const lost = without(expected.marks, actual.marks).map((mark) => `did not happen: ${mark}`)
  const added = without(actual.marks, expected.marks).map((mark) => `happened too: ${mark}`)
  const states = Object.keys(expected.states)
    .filter((tag) => expected.states[tag] !== actual.states[tag])
    .map(
      (tag) => `state of ${tag}: ${actual.states[tag]}, with Python alone ${expected.states[tag]}`,
    )
  return [...ends, ...lost, ...added, ...states]
}

/** What is in one list and not in the other, as often as it is. */
function without(list: readonly string[], other: readonly string[]): readonly string[] {
  const left = [...other]
  return list.filter((one) => {
    const at = left.indexOf(one)
    if (at === -1) return true
    left.splice(at, 1)
    return false
  })
}

export interface Listed {
  readonly why: string
  readonly holds: (measured: Measured, what: readonly string[]) => boolean
}

export const NEVER_IN_PYTHON = 'it ends, where it never does with Python alone'

export const LISTED: readonly Listed[] = [
  {
    why: 'the results of groups in a chord’s header come in the order of the header; Python’s come reversed',
    holds: ({ expected, actual }) => isDeepStrictEqual(unordered(expected), unordered(actual)),
  },
]

function unordered({ end, marks, states }: Outcome): unknown {
  return {
    end: sorted(end),
    marks: marks.map((mark) => JSON.stringify(sorted(JSON.parse(mark)))).sort(),
    states,
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .map(sorted)
      .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, sorted(one)]))
}
