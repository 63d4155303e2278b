import type { Retry } from '../../atoms/retry.ts'
import type { Task } from '../../atoms/task.ts'
import type { Compilation } from '../../compilation/compile.ts'
import type { Failure } from '../../failures/failure.ts'
import type { AtomRecord, FlowRecord } from '../../storage/records.ts'
import { failureTree } from '../failure-tree.ts'
import type { Ledger } from './ledger.ts'
import type { Notice } from './transitions.ts'

/** What is known of a run at one of its notices. */
export interface NoticeContext {
  readonly flow: FlowRecord
  /** Of an atom's notice: its record, and what it was declared as. */
  readonly atom: AtomRecord | undefined
  readonly step: Task | Retry | undefined
  /** The id of the attempt before an atom's, or of the flow where it is the first. */
  readonly before: string
  readonly failures: () => readonly Failure[]
  /** As text: of an atom that failed what came before it; of a flow the same of each atom that failed. */
  readonly failureTree: (atom?: string) => string
}

export function noticeContext(
  { type, notice }: Notice,
  { compilation, ledger }: { readonly compilation: Compilation; readonly ledger: Ledger },
): NoticeContext {
  const { flow } = ledger
  const node = type === 'flow' ? undefined : compilation.byName.get(notice.name)
  return {
    flow,
    atom: node && ledger.of(node),
    step: node?.atom,
    before: (node && ledger.attemptBefore(node)) ?? flow.id,
    failures: () => [...Object.values(ledger.failures()), ...ledger.revertFailures()],
    failureTree: (atom) => {
      const failed = atom === undefined ? failedNames(ledger, compilation) : [atom]
      return failed.map((name) => treeOf(name, { compilation, ledger })).join('\n')
    },
  }
}

/** As it was stored when the atom failed. */
function treeOf(name: string, parts: Parameters<typeof failureTree>[1]): string {
  const node = parts.compilation.byName.get(name)
  const stored = node && parts.ledger.of(node).meta.failureTree
  return typeof stored === 'string' ? stored : failureTree(name, parts)
}

function failedNames(ledger: Ledger, { atoms }: Compilation): string[] {
  return atoms.flatMap((node) => {
    const { name, failure, revertFailure } = ledger.of(node)
    return failure === null && revertFailure === null ? [] : [name]
  })
}
