import { writeFileSync } from 'node:fs'
import { Config, createApp } from 'celery-toolbox'

/** What the tests of the command line run as a worker of its own; broker and results come from the environment. */
export const app = createApp(new Config({ queues: ['export'] }))

app.task('export.add', (x: number, y: number) => x + y)

app.task('export.fail', (reason: string): never => {
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
