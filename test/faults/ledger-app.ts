// Tasks that write what they do into the file LEDGER: celery-toolbox worker -A test/faults/ledger-app.ts
import { appendFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const LEDGER = process.env.LEDGER ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false }))

for (const [name, options] of [
  ['export.pay', {}],
  ['export.pay_late', { acksLate: true }],
  ['export.forget', { ignoreResult: true }],
] as const) {
  app.task(name, { bind: true, ...options }, async (self, seconds: number) => {
    const note = (what: string): void => {
      const worker = process.env.WORKER ?? ''
      const line = { id: self.request.id, name, what, worker, at: Date.now() }
      appendFileSync(LEDGER, `${JSON.stringify(line)}\n`)
    }
    note('begin')
    await wait(seconds * 1000)
    note('end')
    return seconds
  })
}
