import { appendFileSync, writeFileSync } from 'node:fs'
import { Config, createApp } from 'celery-toolbox'

/** What the tests of the command line run as a worker of its own; broker and results come from the environment. */
export const app = createApp(new Config({ queues: ['export'] }))

app.task('export.add', { bind: true, params: ['x', 'y'] }, (self, x: number, y: number) => {
  note(self.request.id, 'export.add', 'begin')
  note(self.request.id, 'export.add', 'end', { state: 'SUCCESS', result: x + y })
  return x + y
})

app.task('export.fail', { bind: true, params: ['reason'] }, (self, reason: string): never => {
  note(self.request.id, 'export.fail', 'begin')
  note(self.request.id, 'export.fail', 'end', { state: 'FAILURE' })
  throw new RangeError(reason)
})

app.task('export.echo', { bind: true, params: ['value'] }, (self, value: unknown) => ({
  value,
  tenant: self.request.headers.tenant ?? null,
}))

/** Runs until the file is there; a test decides when. */
app.task('export.hold', async (until: string) => {
  const { existsSync } = await import('node:fs')
  writeFileSync(`${until}.running`, '')
  while (!existsSync(until)) await new Promise((wake) => setTimeout(wake, 20))
  return 'released'
})

app.task('export.stray', () => {
  void Promise.reject(new Error('nobody caught this'))
  return 'stray'
})

/** For the accountant of the tests in which a monitor runs: see test/support/ledger.ts. */
function note(id: string, name: string, what: 'begin' | 'end', end: object = {}): void {
  const line = { id, name, what, worker: 'cli', at: Date.now(), ...end }
  appendFileSync(process.env.RUN_LEDGER ?? '/dev/null', `${JSON.stringify(line)}\n`)
}
