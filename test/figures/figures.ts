import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison } from '../celery-suite/comparison.ts'
import { writePages } from './pages.ts'

const FILE = join(import.meta.dirname, 'figures.json')

/** What the long measures came to when they were last run; the documentation states it from here. */
export interface Figures {
  /** Of Celery's integration suite, by its version and the result backend. */
  readonly suite: Readonly<Record<string, Readonly<Record<string, SuiteFigure>>>>
  /** Of random workflows. */
  readonly workflows: WorkflowFigure | null
}

export interface SuiteFigure {
  /** Tests that pass with our worker, … */
  readonly passed: number
  /** … of those that pass with Python's. */
  readonly total: number
  /** The others, by the kind of their reason. */
  readonly differ: Readonly<Record<string, number>>
}

export interface WorkflowFigure {
  readonly firstSeed: number
  readonly count: number
  /** Ended as with Python alone. */
  readonly same: number
  /** Ended as listed in docs/interop.md. */
  readonly listed: number
  readonly unfinished: number
}

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
