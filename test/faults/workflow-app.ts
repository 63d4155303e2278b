// Workflows that replace themselves, for workers that are killed at random: celery-toolbox worker -A test/faults/workflow-app.ts
// What ran is in the file EFFECTS, a line each, which outlives any way a process may end.
import { appendFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, chain, chord, createApp, group } from 'celery-toolbox'

const EFFECTS = process.env.EFFECTS ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false, task_acks_late: true }))

const step = app.task('flow.step', async (value: unknown) => {
  await wait(10)
  return value
})

app.task('flow.replaces', { bind: true }, (self, value: unknown, by: string) => {
  const [a, b] = [step.si(value), step.si(value)]
  if (by === 'chain') throw self.replace(chain(a, step.s()))
  if (by === 'group') throw self.replace(group(a, b))
  throw self.replace(chord([a, b], step.s()))
})

app.task('flow.fails', async () => {
  await wait(10)
  throw new Error('on purpose')
})

app.task('flow.callback', (_value: unknown, key: string) => effect('callback', key))

/** Notes what is stored of what has failed, at the moment it is called. */
app.task('flow.errback', { params: ['id', 'key'] }, async (id: string, key: string) => {
  effect('errback', `${key} ${await app.asyncResult(id).status()}`)
})

function effect(what: string, key: string): void {
  appendFileSync(EFFECTS, `${what} ${key}\n`)
}
