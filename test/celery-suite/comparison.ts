import { type Difference, differenceOf } from './differences.ts'
import type { Backend, SuiteOutcomes } from './run-suite.ts'

/** What the suite says of our worker, measured by what it says of Python's. */
export interface Comparison {
  readonly backend: Backend
  /** Tests that pass with Python's worker. */
  readonly total: number
  readonly passed: number
  /** Those that do not pass with ours, for a reason that is listed. */
  readonly listed: readonly (readonly [test: string, difference: Difference])[]
  /** Those whose reason is not. */
  readonly unlisted: readonly (readonly [test: string, reason: string])[]
  /** Listed as different, and passed. */
  readonly mended: readonly string[]
}

export function compare(
  backend: Backend,
  python: SuiteOutcomes,
  toolbox: SuiteOutcomes,
): Comparison {
  const total = [...python].filter(([, { outcome }]) => outcome === 'passed').map(([test]) => test)
  const hasPassed = (test: string) => toolbox.get(test)?.outcome === 'passed'
  const failed = total.filter((test) => !hasPassed(test))
  const known = failed.flatMap((test) => {
    const difference = differenceOf(test, backend)
    return difference === undefined ? [] : [[test, difference] as const]
  })
  const unlisted = failed.filter((test) => differenceOf(test, backend) === undefined)
  return {
    backend,
    total: total.length,
    passed: total.length - failed.length,
    listed: known,
    unlisted: unlisted.map((test) => [test, toolbox.get(test)?.reason ?? 'did not end'] as const),
    mended: total.filter((test) => hasPassed(test) && differenceOf(test, backend) !== undefined),
  }
}

export function shown(comparison: Comparison): string {
  const { backend, passed, total, listed, unlisted, mended } = comparison
  return [
    `${backend}: ${passed} of ${total}`,
    ...listed.map(([test, { kind, why }]) => `  ${kind}: ${test}: ${why}`),
    ...mended.map((test) => `  listed as different, and passes: ${test}`),
    ...unlisted.map(
      ([test, reason]) => `  ✗ ${test}\n      ${reason.replaceAll('\n', '\n      ')}`,
    ),
  ].join('\n')
}
