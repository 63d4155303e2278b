import type { AtomRecord, StoredFlow } from './records.ts'

/** For each atom that failed: its error, and what the atoms of the run had done by then, as text. */
export function failureTree({ flow, atoms }: StoredFlow): string {
  const failed = atoms.filter(
    ({ failure, revertFailure }) => failure !== null || revertFailure !== null,
  )
  return (
    failed.map((atom) => `${headOf(atom)}\n${othersOf(atom, atoms)}`).join('\n') +
    waitOf(flow.meta.waitsFor)
  )
}

function headOf({ name, failure, revertFailure }: AtomRecord): string {
  const error = failure ?? revertFailure
  return `${name} ${failure === null ? 'could not be undone' : 'failed'}: ${error}`
}

function othersOf(failed: AtomRecord, atoms: readonly AtomRecord[]): string {
  const others = atoms.filter(
    ({ name, state }) => name !== failed.name && !name.startsWith('_') && state !== 'PENDING',
  )
  return others
    .map(({ name, state, intention }, index) => {
      const branch = index === others.length - 1 ? '└─' : '├─'
      return `  ${branch} ${name}: ${state}, to ${intention}`
    })
    .join('\n')
}

function waitOf(wait: unknown): string {
  if (typeof wait !== 'object' || wait === null) return ''
  const { until, signals = [] } = wait as { until?: number; signals?: string[] } // the engine wrote it
  const parts = [
    ...(until === undefined ? [] : [new Date(until).toISOString()]),
    ...signals.map((signal) => `the signal "${signal}"`),
  ]
  return parts.length === 0 ? '' : `\nwaits for ${parts.join(' or ')}`
}
