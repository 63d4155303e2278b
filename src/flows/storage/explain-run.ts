import type { StoredFlow } from './records.ts'

/** Of each atom that failed: what came before it, most recent first, as TaskFlow shows it; and what the run waits for. */
export function explainRun({ flow, atoms }: StoredFlow): string {
  const trees = atoms.flatMap(({ name, failure, revertFailure, meta }) => {
    const error = failure ?? revertFailure
    if (error === null) return []
    return [
      typeof meta.failureTree === 'string' ? meta.failureTree : `Atom '${name}' failed: ${error}`,
    ]
  })
  return [...trees, ...waitOf(flow.meta.waitsFor)].join('\n')
}

function waitOf(wait: unknown): string[] {
  if (typeof wait !== 'object' || wait === null) return []
  const { until, signals = [] } = wait as { until?: number; signals?: string[] } // the engine wrote it
  const parts = [
    ...(until === undefined ? [] : [new Date(until).toISOString()]),
    ...signals.map((signal) => `the signal "${signal}"`),
  ]
  return parts.length === 0 ? [] : [`waits for ${parts.join(' or ')}`]
}
