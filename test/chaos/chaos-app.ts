// The Node tasks of the chaos test: celery-toolbox worker -A test/chaos/chaos-app.ts
// Each run leaves a row in the table runs, which outlives any way a process may end.
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp, type TaskContext } from 'celery-toolbox'
import pg from 'pg'

export const app = createApp(new Config({ dotenv: false }))

const database = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? '', max: 5 })
const options = { bind: true, acksLate: true } as const

app.task('chaos.step', options, async (self: TaskContext, value: number, ...step: number[]) => {
  await note(self, 'step', step)
  await wait(40)
  return value + 1
})

app.task('chaos.member', options, async (self: TaskContext, number: number, part: number) => {
  await note(self, 'member', [number, part])
  await wait(40)
  return part
})

app.task('chaos.body', options, async (self: TaskContext, parts: number[], number: number) => {
  await note(self, 'body', [number, 0])
  return parts.reduce((sum, part) => sum + part, 0)
})

async function note({ request }: TaskContext, kind: string, place: number[]): Promise<void> {
  await database.query(
    'insert into runs (task_id, kind, number, part, process, worker) values ($1, $2, $3, $4, $5, $5)',
    [request.id, kind, ...place, process.pid],
  )
}
