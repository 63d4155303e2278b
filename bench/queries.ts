import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type Database,
  families,
  familyTree,
  listTasks,
  migrateUp,
  openDatabase,
  stuckTasks,
  taskStats,
} from 'celery-toolbox/monitor'
import { openPlace, query } from './environment.ts'
import { fillHistory } from './fill-history.ts'

const PAGE = resolve(import.meta.dirname, '../docs/monitor.md')
const LIMIT_MS = 100

interface Question {
  readonly name: string
  ask(database: Database): Promise<readonly object[]>
}

export interface Answered {
  readonly question: string
  readonly rows: number
  readonly p50: number
  readonly p95: number
  readonly max: number
  readonly isQuick: boolean
}

/** Every question of docs/monitor.md, and what the functions ask, over a fresh connection each: no plan is known. */
export async function measureQueries(tasks: number, rounds: number): Promise<readonly Answered[]> {
  const place = await openPlace()
  try {
    await migrateUp(place.databaseUrl)
    await fillHistory(place.databaseUrl, tasks, (done) => console.error(`  queries: ${done} tasks`))
    const questions = [...documented(), ...(await functions(place.databaseUrl))]
    const samples = new Map(questions.map(({ name }) => [name, { rows: 0, ms: [] as number[] }]))
    for (let round = 0; round < rounds; round += 1) {
      for (const question of questions) {
        const { rows, ms } = await timed(place.databaseUrl, question)
        const known = samples.get(question.name)
        if (known === undefined) continue
        known.rows = rows
        known.ms.push(ms)
      }
    }
    return [...samples].map(([question, { rows, ms }]) => summary(question, rows, ms))
  } finally {
    await place.close()
  }
}

/** Each block of SQL under the sentence before it. */
function documented(): Question[] {
  const page = readFileSync(PAGE, 'utf8')
  return [...page.matchAll(/([^\n]+):\n\n```sql\n(.*?);\n```/gs)].map(
    ([, name = '', sql = '']) => ({
      name,
      ask: (database) => database.query(sql),
    }),
  )
}

async function functions(url: string): Promise<Question[]> {
  const [last] = await query<{ id: string }>(
    url,
    'select task_id as id from monitor.task order by published_at desc offset 900000 limit 1',
  )
  const after = last?.id ?? 'root'
  const argument = { path: 'slug', value: 'project-4711' }
  return [
    { name: 'listTasks', ask: (database) => listTasks(database) },
    {
      name: 'listTasks, an argument',
      ask: (database) => listTasks(database, { arguments: [argument] }),
    },
    {
      name: 'listTasks, a name',
      ask: (database) => listTasks(database, { name: 'export.task_07' }),
    },
    { name: 'listTasks, FAILURE', ask: (database) => listTasks(database, { status: 'FAILURE' }) },
    { name: 'listTasks, REVOKED', ask: (database) => listTasks(database, { status: 'REVOKED' }) },
    { name: 'listTasks, STARTED', ask: (database) => listTasks(database, { status: 'STARTED' }) },
    { name: 'listTasks, PENDING', ask: (database) => listTasks(database, { status: 'PENDING' }) },
    {
      name: 'listTasks, a worker',
      ask: (database) => listTasks(database, { worker: 'celery@worker-3' }),
    },
    { name: 'listTasks, page 18,000', ask: (database) => listTasks(database, { after }) },
    { name: 'familyTree', ask: async (database) => [(await familyTree(database, 'root')) ?? {}] },
    {
      name: 'families that failed',
      ask: (database) => families(database, { overallStatus: 'FAILURE' }),
    },
    { name: 'families of an owner', ask: (database) => families(database, { creatorId: '7' }) },
    { name: 'stuckTasks', ask: (database) => stuckTasks(database) },
    {
      name: 'taskStats of an hour by name',
      ask: (database) =>
        taskStats(database, { by: 'name', since: new Date(Date.now() - 3_600_000) }),
    },
  ]
}

async function timed(
  url: string,
  { ask }: Question,
): Promise<{ readonly rows: number; readonly ms: number }> {
  await using database = await openDatabase({ url, poolSize: 1 })
  const startedAt = performance.now()
  const { length: rows } = await ask(database)
  return { rows, ms: performance.now() - startedAt }
}

function summary(question: string, rows: number, ms: readonly number[]): Answered {
  const sorted = ms.toSorted((one, other) => one - other)
  const at = (fraction: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN
  const p95 = at(0.95)
  return { question, rows, p50: at(0.5), p95, max: at(1), isQuick: p95 <= LIMIT_MS && rows > 0 }
}

/** As lines, the slow ones marked. */
export function queryLines(answers: readonly Answered[]): string[] {
  const width = Math.max(...answers.map(({ question }) => question.length))
  const time = (ms: number): string => ms.toFixed(1).padStart(8)
  return answers.map(
    ({ question, rows, p50, p95, max, isQuick }) =>
      `  ${question.padEnd(width)} ${String(rows).padStart(5)} rows  p50 ${time(p50)}  p95 ${time(p95)}  max ${time(max)} ms` +
      (isQuick ? '' : '  MISSED'),
  )
}
