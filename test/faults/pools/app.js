// The app of the pools' fault tests, in JavaScript so that children start quickly. What tasks did is in the file EFFECTS.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const EFFECTS = process.env.EFFECTS ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false }))

const hoard = []

/** One line for each start, with the process that it was in and when. */
function effect(what, n) {
  appendFileSync(EFFECTS, `${what} ${n} ${process.pid} ${Date.now()}\n`)
}

function spin(ms) {
  const until = Date.now() + ms
  while (Date.now() < until);
}

app.task('fault.quick', { acksLate: true }, (n) => {
  effect('start', n)
  return n
})

app.task('fault.spin', (n, ms) => {
  effect('start', n)
  spin(ms)
  effect('end', n)
  return n
})

app.task('fault.spin-limited', { timeLimit: 1 }, (n) => {
  effect('start', n)
  spin(60_000)
})

app.task('fault.spin-on-threads', { pool: 'threads', timeLimit: 1 }, (n) => {
  effect('start', n)
  spin(60_000)
})

app.task('fault.wait', { acksLate: true }, async (n, ms) => {
  effect('start', n)
  await wait(ms)
  effect('end', n)
  return n
})

/** Acknowledged before it runs: a stop must let it come to its end. */
app.task('fault.early', async (n, ms) => {
  effect('start', n)
  await wait(ms)
  effect('end', n)
  return n
})

app.task('fault.exit-late', { acksLate: true }, (n) => {
  effect('start', n)
  process.exit(n)
})

app.task('fault.die-once', { acksLate: true, maxRetries: 3 }, (n, gate) => {
  effect('start', n)
  if (!existsSync(gate)) {
    writeFileSync(gate, '')
    process.exit(3)
  }
  effect('end', n)
  return n
})

app.task('fault.never', { timeLimit: 1 }, async () => await new Promise(() => undefined))

app.task('fault.exit', (code) => process.exit(code))

app.task('fault.poison', { acksLate: true, rejectOnWorkerLost: true }, (n) => {
  effect('start', n)
  process.exit(1)
})

app.task('fault.leak', (mb) => {
  for (let at = 0; at < mb * 16; at += 1) hoard.push(Array.from({ length: 8_192 }, () => ({ at })))
})

app.task('fault.forget', (n) => {
  void Promise.reject(new Error('a promise that nobody handles'))
  return n
})

app.task('fault.throw-undefined', () => {
  // biome-ignore lint/style/useThrowOnlyError: JavaScript lets tasks do so
  throw undefined
})

app.task('fault.crash', { acksLate: true }, (n) => {
  effect('start', n)
  process.kill(process.pid, 'SIGSEGV')
  spin(5_000)
})

app.task('fault.large', (bytes) => 'x'.repeat(bytes))

app.task('fault.pid', () => process.pid)
