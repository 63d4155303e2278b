// Tasks that write what they do into the file LEDGER: celery-toolbox worker -A test/faults/ledger-app.ts
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const LEDGER = process.env.LEDGER ?? '/dev/null'

export const app = createApp(new Config({ dotenv: false }))

for (const [name, options] of [
  ['export.pay', {}],
  ['export.pay_late', { acksLate: true }],
  ['export.forget', { ignoreResult: true }],
] as const) {
  app.task(name, { bind: true, ...options }, async ({ request }, seconds: number) => {
    note(request.id, name, 'begin')
    await wait(seconds * 1000)
    note(request.id, name, 'end')
    return seconds
  })
}

/** Runs until the file is there. */
app.task('export.progress', { bind: true }, async (self, gate: string) => {
  note(self.request.id, 'export.progress', 'begin')
  await self.updateState('PROGRESS', { done: 3 })
  while (!existsSync(gate)) await wait(50)
  note(self.request.id, 'export.progress', 'end')
  return 7
})

function note(id: string, name: string, what: string): void {
  const worker = process.env.WORKER ?? ''
  const line = { id, name, what, worker, at: Date.now() }
  appendFileSync(LEDGER, `${JSON.stringify(line)}\n`)
}
