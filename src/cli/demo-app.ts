import type { Config } from '../config/config.ts'
import { type CeleryApp, createApp } from '../create-app.ts'
import type { Logger } from '../logger.ts'
import type { AsyncResult } from '../results/async-result.ts'
import { chain, chord, group } from '../tasks/canvas/canvas.ts'

/** What the demonstration calls, and what it waits for. */
export interface Demo {
  readonly app: CeleryApp
  /** Publishes a chain, a group, a chord, a failing and a retried task; gives the results that end it. */
  publish(): Promise<readonly AsyncResult<unknown>[]>
}

/** A small export service, as a platform would have it: what `npm start` shows. */
export function demoApp(config: Config, logger: Logger): Demo {
  const app = createApp(config, { logger })
  const load = app.task('export.load', async (project: string) => ({
    project,
    rows: project.length * 100,
  }))
  const render = app.task(
    'export.render',
    async (data: { project: string; rows: number }, format: string) =>
      `${data.project}.${format} (${data.rows} rows)`,
  )
  const upload = app.task(
    'export.upload',
    async (file: string) => `https://files.example/${file.split(' ')[0]}`,
  )
  const bundle = app.task('export.bundle', async (files: readonly string[]) => files.length)
  const broken = app.task('export.broken', async (project: string) => {
    throw new RangeError(`project "${project}" has no records`)
  })
  const flaky = app.task('export.flaky', { bind: true, maxRetries: 3 }, async (self) => {
    if (self.request.retries < 2) {
      throw self.retry({ countdown: 0.2, cause: new Error('the file store is busy') })
    }
    return `done at attempt ${self.request.retries + 1}`
  })

  return {
    app,
    async publish() {
      const chained = await chain(load.s('fields'), render.s('xlsx'), upload.s()).applyAsync()
      const grouped = await group(load.s('parcels'), load.s('people')).start()
      const files = ['xls', 'shp', 'zip'].map((format) =>
        render.s({ project: 'roads', rows: 7 }, format),
      )
      const chorded = await chord(files, bundle.s()).applyAsync()
      return [chained, ...grouped, chorded, await broken.delay('nowhere'), await flaky.delay()]
    },
  }
}
