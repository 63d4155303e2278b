// A task that computes, on a thread of its own, beside tasks that wait in the event loop:
//
//     npx celery-toolbox worker -A examples/cpu-bound/app.ts
//     npx tsx examples/cpu-bound/producer.ts
//
// While primes are counted, `math.ping` is answered at once; a count of more than a minute is ended by force.
import { Config, createApp } from 'celery-toolbox'

const config = new Config({
  queues: ['math'],
  broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
  result_backend: process.env.RESULT_BACKEND ?? 'db+postgresql://worker:cadasta@localhost/cadasta',
})
export const app = createApp(config)

export const ping = app.task('math.ping', () => 'pong')

export const primes = app.task(
  'math.primes',
  { pool: 'threads', timeLimit: 60 },
  (below: number) => {
    const isComposite = new Uint8Array(below)
    let count = 0
    for (let n = 2; n < below; n += 1) {
      if (isComposite[n] === 1) continue
      count += 1
      for (let multiple = n * n; multiple < below; multiple += n) isComposite[multiple] = 1
    }
    return count
  },
)
