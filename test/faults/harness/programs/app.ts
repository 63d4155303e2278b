// The Node tasks of the harness: celery-toolbox worker -A test/faults/harness/programs/app.ts
import { openSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp, type TaskContext } from 'celery-toolbox'

export const app = createApp(new Config({ dotenv: false }))

// Opened once: there may be no descriptor left later.
const ledger = openSync(process.env.LEDGER ?? '/dev/null', 'a')

for (const name of ['faults.step', 'redis.step', 'spare.step']) {
  app.task(name, { bind: true, acksLate: true }, async (self: TaskContext, ms: number) => {
    const note = (what: string): void => {
      const worker = process.env.HARNESS_NAME
      const line = {
        id: self.request.id,
        name,
        what,
        worker,
        at: performance.timeOrigin + performance.now(),
      }
      writeSync(ledger, `${JSON.stringify(line)}\n`)
    }
    note('begin')
    await wait(ms)
    note('end')
    return ms
  })
}
