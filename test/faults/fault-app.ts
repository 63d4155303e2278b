// The app that the fault tests run in processes of their own: celery-toolbox worker -A test/faults/fault-app.ts
// What its tasks did is in the file EFFECTS, a line each, which outlives any way a process may end.
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const EFFECTS = process.env.EFFECTS ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false }))

app.task('fault.work', { acksLate: true }, async (n: number) => {
  effect('start', n)
  await wait(20)
  effect('end', n)
  return n
})

/** Ends once there is a file of that name. */
app.task('fault.wait', { acksLate: true }, async (n: number, gate: string) => {
  effect('start', n)
  while (!existsSync(gate)) await wait(20)
  effect('end', n)
  return n
})

app.task('fault.careless', (n: number) => {
  void Promise.reject(new Error('a promise that nobody handles'))
  setTimeout(() => void Promise.reject(new RangeError('and a later one')), 10)
  return n
})

function effect(what: 'start' | 'end', n: number): void {
  appendFileSync(EFFECTS, `${what} ${n}\n`)
}
