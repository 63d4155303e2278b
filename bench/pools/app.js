// The tasks of bench/pools/main.ts, here; peers/pools_peer.py has the same in Python.
import { appendFileSync } from 'node:fs'
import { Config, createApp } from 'celery-toolbox'

export const app = createApp(new Config({ queues: ['pools'], dotenv: false }))

app.task('pools.count', (steps) => count(steps))
app.task('pools.stamp', () => Date.now())
app.task('pools.spin', { timeLimit: 1 }, () => {
  appendFileSync(process.env.STAMPS, `${Date.now()}\n`)
  for (;;) count(1_000_000)
})

function count(steps) {
  let sum = 0
  for (let n = 0; n < steps; n += 1) sum = (sum * 31 + n) % 1_000_003
  return sum
}
