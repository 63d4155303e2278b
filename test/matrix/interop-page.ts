import {
  absence,
  BACKENDS,
  type Column,
  DIRECTIONS,
  FEATURE_NAMES,
  FEATURES,
  type Python,
} from './features.ts'

const TITLES = { postgresql: 'PostgreSQL', redis: 'Redis', rpc: 'RPC' }

/** The table of docs/interop.md for one Celery, and the notes under it. */
export function interopTable(python: Python): string {
  const columns = BACKENDS.flatMap((backend) =>
    DIRECTIONS.map((direction): Column => ({ python, backend, direction })),
  )
  const notes: string[] = []
  const cell = (why: string | undefined): string => {
    if (why === undefined) return '✓'
    if (!notes.includes(why)) notes.push(why)
    return `– (${notes.indexOf(why) + 1})`
  }
  const head = columns.map(({ backend, direction }) => `${TITLES[backend]} ${shortOf(direction)}`)
  const rows = FEATURE_NAMES.map((name) => [
    FEATURES[name].title,
    ...columns.map((column) => cell(absence(name, column))),
  ])
  const lines = [['', ...head], ['---', ...columns.map(() => ':-:')], ...rows]
  const table = lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
  return `${table}\n\n${notes.map((note, at) => `${at + 1}. ${note}`).join('\n')}`
}

function shortOf(direction: Column['direction']): string {
  return direction === 'Node→Python' ? 'N→P' : 'P→N'
}
