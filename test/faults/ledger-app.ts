// Tasks that write what they do into the file LEDGER: celery-toolbox worker -A test/faults/ledger-app.ts
import { appendFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const LEDGER = process.env.LEDGER ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false }))

app.task('export.pay', { bind: true }, async (self, seconds: number) => {
  const note = (what: string): void => {
    const { id } = self.request
    const worker = process.env.WORKER ?? ''
    const line = { id, name: 'export.pay', what, worker, at: Date.now() }
    appendFileSync(LEDGER, `${JSON.stringify(line)}\n`)
  }
  note('begin')
  await wait(seconds * 1000)
  note('end')
  return seconds
})
