import { isDeepStrictEqual } from 'node:util'
import { LISTED, NEVER_IN_PYTHON } from './listed.ts'
import type { Compared, Measured } from './outcome.ts'

/** How a workflow compares with what Python alone makes of it. */
export type Verdict =
  | { readonly kind: 'same' }
  /** Differs as docs/interop.md lists it. */
  | { readonly kind: 'listed'; readonly why: readonly string[] }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'different'; readonly what: readonly string[] }

/** By the one of Python's outcomes that is nearest: its own runs may differ from each other. */
export function verdictOf(measured: Measured): Verdict {
  const verdicts = measured.expected.map((expected) => verdictBy({ ...measured, expected }))
  const kinds = ['same', 'listed', 'unfinished', 'different']
  const [nearest] = verdicts.sort(
    (one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind),
  )
  return nearest ?? { kind: 'different', what: ['Python did not run it'] }
}

function verdictBy(compared: Compared): Verdict {
  const { expected, actual } = compared
  const endsInPython = !('unfinished' in expected.end)
  if ('unfinished' in actual.end) {
    const isPythons = !endsInPython && compared.direction !== 'node→node'
    return isPythons ? { kind: 'listed', why: [NEVER_IN_PYTHON] } : { kind: 'unfinished' }
  }
  return endsInPython ? sameOrDifferent(compared) : { kind: 'listed', why: [NEVER_IN_PYTHON] }
}

/** What is listed is taken out of both outcomes, one kind after the other, until they are the same. */
function sameOrDifferent(compared: Compared): Verdict {
  const what = differences(compared)
  if (what.length === 0) return { kind: 'same' }
  const why: string[] = []
  let left = compared
  for (const listed of LISTED) {
    const without = listed.without(left)
    if (isDeepStrictEqual(without, left)) continue
    left = without
    why.push(listed.why)
    if (differences(left).length === 0) return { kind: 'listed', why: neededOf(compared, why) }
  }
  return { kind: 'different', what }
}

/** Some kinds are found in workflows that do not differ by them. */
function neededOf(compared: Compared, found: readonly string[]): readonly string[] {
  return found.filter((why) => {
    const others = LISTED.filter((one) => found.includes(one.why) && one.why !== why)
    return differences(others.reduce((left, { without }) => without(left), compared)).length > 0
  })
}

function differences({ expected, actual }: Compared): readonly string[] {
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
