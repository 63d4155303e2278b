import { DIFFERENCES, type Difference } from '../celery-suite/differences.ts'
import { BACKENDS } from '../celery-suite/run-suite.ts'
import { LISTED, NEVER_IN_PYTHON } from '../random-workflows/listed.ts'
import { LISTED_FIELDS } from '../random-workflows/published-listed.ts'
import type { Figures } from './types.ts'

const TITLES = { redis: 'Redis', postgresql: 'PostgreSQL', rpc: 'RPC' }
const NOT_MEASURED = '–'

/** The table of docs/interop.md: how many tests of Celery's suite pass with our worker, of those that do with Python's. */
export function suiteTable({ suite }: Figures): string {
  const rows = newestFirst(suite).map((version) => [
    version,
    ...BACKENDS.map((backend) => {
      const figure = suite[version]?.[backend]
      return figure === undefined ? NOT_MEASURED : `${figure.passed} of ${figure.total}`
    }),
  ])
  const head = ['Celery', ...BACKENDS.map((backend) => TITLES[backend])]
  const lines = [head, ['---', ...BACKENDS.map(() => '--:')], ...rows]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

/** Its list of what differs and why. */
export function differencesList(): string {
  return DIFFERENCES.map(differenceLine).join('\n')
}

function differenceLine({ test, kind, why, backends }: Difference): string {
  const name = test.slice(test.lastIndexOf('::') + 2)
  const where = backends === undefined ? '' : ` (${backends.map((one) => TITLES[one]).join(', ')})`
  return `- \`${name}\`${where}, ${kind}: ${why}.`
}

/** The sentence of docs/interop.md on random workflows. */
export function workflowsSentence({ workflows }: Figures): string {
  if (workflows === null) return 'No long run was recorded yet.'
  const { firstSeed, count, same, listed, unfinished } = workflows
  const different = count - same - listed - unfinished
  const [all, first, last] = [count, firstSeed, firstSeed + count - 1].map(grouped)
  return `Of ${all} workflows (seeds ${first} to ${last}) ${grouped(same)} ended as with Python alone, ${grouped(listed)} differed as listed below, ${grouped(different)} differed otherwise, and ${grouped(unfinished)} did not end.`
}

export function listedWorkflows(): string {
  return [...LISTED.map(({ why }) => why), NEVER_IN_PYTHON].map((why) => `- ${why}`).join('\n')
}

export function listedFields(): string {
  return LISTED_FIELDS.map(({ why }) => `- ${why}`).join('\n')
}

const MEASURED_BY = "how much of Celery's own test suite passes is not measured yet"

/** The sentence of README.md. */
export function figuresSentence({ suite, workflows }: Figures): string {
  const [newest] = newestFirst(suite)
  if (newest === undefined) return MEASURED_BY
  const measured = BACKENDS.filter((backend) => suite[newest]?.[backend] !== undefined)
  const figures = Object.values(suite[newest] ?? {})
  const sum = (of: 'passed' | 'total'): number => figures.reduce((all, one) => all + one[of], 0)
  const ofSuite = `${sum('passed')} of ${sum('total')} tests of Celery ${newest}'s own integration suite (${measured.map((backend) => TITLES[backend]).join(', ')})`
  const end = "end as with Python's worker"
  if (workflows === null) return `${ofSuite} ${end}`
  const { same, count, listed } = workflows
  return `${ofSuite} and ${grouped(same)} of ${grouped(count)} random workflows ${end}; ${grouped(listed)} differ as listed there`
}

/** As the documentation writes numbers: 1,000. */
function grouped(figure: number): string {
  return figure.toLocaleString('en')
}

function newestFirst(suite: Figures['suite']): readonly string[] {
  const oldestFirst = (one: string, other: string) =>
    one.localeCompare(other, 'en', { numeric: true })
  return Object.keys(suite).sort(oldestFirst).reverse()
}
