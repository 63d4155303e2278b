// The Node tasks of the chaos test: celery-toolbox worker -A test/chaos/chaos-app.ts
// Each run leaves a row in the table effects, which outlives any way a process may end.
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'
import pg from 'pg'

export const app = createApp(new Config({ dotenv: false }))

const database = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? '', max: 5 })

app.task('chaos.step', { acksLate: true }, async (value: number, number: number, part: number) => {
  await note('chain', number, part)
  await wait(40)
  return value + 1
})

app.task('chaos.member', { acksLate: true }, async (number: number, part: number) => {
  await note('member', number, part)
  await wait(40)
  return part
})

app.task('chaos.body', { acksLate: true }, async (parts: readonly number[], number: number) => {
  await note('body', number, 0)
  return parts.reduce((sum, part) => sum + part, 0)
})

async function note(kind: string, number: number, part: number): Promise<void> {
  await database.query('insert into effects (kind, number, part) values ($1, $2, $3)', [
    kind,
    number,
    part,
  ])
}
