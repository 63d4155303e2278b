import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison } from '../celery-suite/comparison.ts'
import { writePages } from './pages.ts'
import type { Figures, WorkflowFigure } from './types.ts'

const FILE = join(import.meta.dirname, 'figures.json')

export function readFigures(): Figures {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Figures
}

export function recordSuite(version: string, comparison: Comparison): void {
  const figures = readFigures()
  const { backend, passed, total, listed, unlisted } = comparison
  const kinds = [...listed.map(([, { kind }]) => kind), ...unlisted.map(() => 'not listed')]
  const differ = Object.fromEntries(
    [...new Set(kinds)].map((kind) => [kind, kinds.filter((one) => one === kind).length]),
  )
  const ofVersion = { ...figures.suite[version], [backend]: { passed, total, differ } }
  write({ ...figures, suite: { ...figures.suite, [version]: ofVersion } })
}

export function recordWorkflows(workflows: WorkflowFigure): void {
  write({ ...readFigures(), workflows })
}

/** The file, and the pages that state what it says. */
function write(figures: Figures): void {
  writeFileSync(FILE, `${JSON.stringify(figures, null, 2)}\n`)
  writePages(figures)
}
