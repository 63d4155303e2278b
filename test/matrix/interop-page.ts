import {
  absence,
  BACKENDS,
  type Column,
  DIRECTIONS,
  FEATURE_NAMES,
  FEATURES,
  PYTHONS,
  type Python,
  SQS_CARRIERS,
} from './features.ts'

const TITLES = { postgresql: 'PostgreSQL', redis: 'Redis', rpc: 'RPC' }
const VERSIONS = { new: '5.7', old: '5.2' }

/** The table of docs/interop.md for one Celery on RabbitMQ, and the notes under it. */
export function interopTable(python: Python): string {
  const columns = BACKENDS.flatMap((backend) =>
    DIRECTIONS.map((direction): Column => ({ python, carrier: 'RabbitMQ', backend, direction })),
  )
  return tableOf(columns, ({ backend, direction }) => `${TITLES[backend]} ${shortOf(direction)}`)
}

/** On Amazon SQS, for both. */
export function sqsTable(): string {
  const columns = PYTHONS.flatMap((python) =>
    SQS_CARRIERS.flatMap((carrier) =>
      DIRECTIONS.map(
        (direction): Column => ({ python, carrier, backend: 'postgresql', direction }),
      ),
    ),
  )
  return tableOf(
    columns,
    ({ python, carrier, direction }) => `${VERSIONS[python]}, ${carrier} ${shortOf(direction)}`,
  )
}

function tableOf(columns: readonly Column[], titleOf: (column: Column) => string): string {
  const notes: string[] = []
  const cell = (why: string | undefined): string => {
    if (why === undefined) return '✓'
    if (!notes.includes(why)) notes.push(why)
    return `– (${notes.indexOf(why) + 1})`
  }
  const head = columns.map(titleOf)
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
