import type { Config } from '../../config/config.ts'
import { type CeleryApp, createApp } from '../../create-app.ts'
import type { State } from '../../protocol/results/states.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import type { AppOptions } from '../../tasks/app/connected-app.ts'
import { chain, chord, group } from '../../tasks/canvas/canvas.ts'

/** What the demonstration calls, and what it waits for. */
export interface Demo {
  readonly app: CeleryApp
  /** Publishes a chain, a group, a chord, a failing and a retried task. */
  publish(): Promise<readonly DemoCall[]>
}

export interface DemoCall {
  readonly title: string
  readonly result: AsyncResult<unknown>
  readonly expected: State
}

/** How many tasks the demonstration runs under each name, celery.chord_unlock aside. */
export const DEMO_TASKS: Readonly<Record<string, number>> = {
  'export.load': 3,
  'export.render': 4,
  'export.upload': 1,
  'export.bundle': 1,
  'export.broken': 1,
  'export.flaky': 1,
}

/** A small export service, as a platform would have it: what `npm start` shows. */
export function demoApp(config: Config, options: AppOptions = {}): Demo {
  const app = createApp(config, options)
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
      const grouped = await group(load.s('parcels'), load.s('people')).applyAsync()
      const files = ['xls', 'shp', 'zip'].map((format) =>
        render.s({ project: 'roads', rows: 7 }, format),
      )
      const chorded = await chord(files, bundle.s()).applyAsync()
      return [
        succeeding('a chain of three', chained),
        ...grouped.results.map((result) => succeeding('a group', result)),
        succeeding('a chord', chorded),
        {
          title: 'a task that fails',
          result: await broken.delay('nowhere'),
          expected: 'FAILURE',
        },
        succeeding('a task that is retried twice', await flaky.delay()),
      ]
    },
  }
}

function succeeding(title: string, result: AsyncResult<unknown>): DemoCall {
  return { title, result, expected: 'SUCCESS' }
}
