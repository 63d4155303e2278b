// The app that the fault tests run in processes of their own: celery-toolbox worker -A test/faults/fault-app.ts
// What its tasks did is in the file EFFECTS, a line each, which outlives any way a process may end.
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const EFFECTS = process.env.EFFECTS ?? '/dev/null'
const RUN_LEDGER = process.env.RUN_LEDGER ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false }))

app.task('fault.work', { acksLate: true, bind: true }, async ({ request }, n: number) => {
  effect('start', n)
  note(request.id, 'begin')
  await wait(20)
  effect('end', n)
  note(request.id, 'end')
  return n
})

/** Ends once there is a file of that name. */
app.task('fault.wait', { acksLate: true }, async (n: number, gate: string) => {
  effect('start', n)
  while (!existsSync(gate)) await wait(20)
  effect('end', n)
  return n
})

/** Told when its message is another worker's, it ends without an effect. */
app.task('fault.told', { acksLate: true, bind: true }, async ({ signal }, n: number) => {
  effect('start', n)
  await wait(2_500, undefined, { signal })
  effect('end', n)
  return process.pid
})

app.task('fault.poison', { acksLate: true }, async (n: number) => {
  effect('start', n)
  await wait(200)
  process.kill(process.pid, 'SIGKILL')
  await wait(10_000)
})

app.task('fault.careless', (n: number) => {
  void Promise.reject(new Error('a promise that nobody handles'))
  setTimeout(() => void Promise.reject(new RangeError('and a later one')), 10)
  return n
})

/** For the accountant of the tests in which a monitor runs. */
function note(id: string, what: 'begin' | 'end'): void {
  const line = { id, name: 'fault.work', what, worker: 'fault', at: Date.now() }
  const state = what === 'end' ? { state: 'SUCCESS' } : {}
  appendFileSync(RUN_LEDGER, `${JSON.stringify({ ...line, ...state })}\n`)
}

function effect(what: 'start' | 'end', n: number): void {
  appendFileSync(EFFECTS, `${what} ${n}\n`)
}
