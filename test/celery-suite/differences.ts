import type { Backend } from './run-suite.ts'

/** A test of Celery's suite that passes with Python's worker and not with ours, and why that stays so. */
export interface Difference {
  /** As pytest names it under t/integration; `*` stands for any text. */
  readonly test: string
  /** Default all. */
  readonly backends?: readonly Backend[]
  readonly kind: 'inherent' | 'remote control' | 'timing'
  readonly why: string
}

export const DIFFERENCES: readonly Difference[] = [
  {
    test: 'test_inspect.py::test_Inspect::test_hello_stamps_received_revoked_ids_locally',
    kind: 'inherent',
    why: 'reads the revoked ids in the memory of its own process, where Python’s worker is a thread',
  },
  {
    test: 'test_inspect.py::test_Inspect::test_stats',
    kind: 'inherent',
    why: 'expects the pid of its own process, where Python’s worker is a thread',
  },
  {
    test: 'test_inspect.py::test_Inspect::test_report',
    kind: 'inherent',
    why: 'expects the name of Python’s Celery; ours has its own name',
  },
  {
    test: 'test_inspect.py::test_Inspect::test_conf',
    kind: 'inherent',
    why: 'expects settings that its fixture changes in its own process',
  },
  {
    test: 'test_canvas.py::test_chain::test_replace_chain_with_empty_chain',
    kind: 'inherent',
    why: 'an empty chain cannot be made in TypeScript: a `TaskError` in place of `ImproperlyConfigured`',
  },
  {
    test: 'test_canvas.py::test_chain::test_header_failure_fails_the_chords_after_it[*',
    backends: ['postgresql'],
    kind: 'timing',
    why:
      '`get()` raises at once where a member of the header has failed already, a second before `chord_unlock` marks the ' +
      'last task that the test then looks at; with Python’s worker it fails too if the test pauses before `get()`',
  },
]

export function differenceOf(test: string, backend: Backend): Difference | undefined {
  return DIFFERENCES.find(
    ({ test: pattern, backends }) =>
      (backends?.includes(backend) ?? true) && matches(pattern, test),
  )
}

function matches(pattern: string, test: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(test)
}
