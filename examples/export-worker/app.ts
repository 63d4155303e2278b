// A worker that exports a project: one task starts a chord of exports, and hands what is to follow it (its callbacks)
// to the task that comes last. Callers that wait for the export link to `export.project` and know nothing of the parts.
//
//     npx celery-toolbox worker -A examples/export-worker/app.ts
//
// AMQP_URL and RESULT_BACKEND say where RabbitMQ and PostgreSQL are. In a clone, `npm run build` comes first.
import { Config, chord, createApp, extractFollowups, type Signature } from 'celery-toolbox'

export const app = createApp(
  new Config({
    queues: ['export'],
    broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
    result_backend:
      process.env.RESULT_BACKEND ?? 'db+postgresql://worker:cadasta@localhost/cadasta',
  }),
)

export const exportXls = app.task('export.xls', async (org: string, project: string) => ({
  file: `${org}-${project}.xlsx`,
}))

export const exportShp = app.task('export.shp', async (org: string, project: string) => ({
  file: `${org}-${project}-shp.zip`,
}))

export const exportResources = app.task(
  'export.resources',
  async (org: string, project: string, apiKey: string) => {
    if (apiKey === '') throw new Error(`no key to read the resources of ${org}/${project} with`)
    return { file: `${org}-${project}-resources.zip` }
  },
)

/** Gets the results of all exports, in their order. */
export const createResult = app.task(
  'export.create_result',
  async (files: readonly { file: string }[], org: string, project: string) => ({
    links: files.map(({ file }) => `https://files.example/${org}/${project}/${file}`),
  }),
)

/** What the platform may link to an export: here it only logs what it was given. */
export const notify = app.task(
  'export.notify',
  async ({ links }: { links: readonly string[] }) => `${links.length} files are ready`,
)

interface Order {
  readonly org: string
  readonly project: string
  readonly apiKey: string
}

export const exportProject = app.task(
  'export.project',
  { bind: true },
  // biome-ignore lint/complexity/useMaxParams: these are what the platform calls it with
  async (self, org: string, project: string, apiKey: string, outputType: string) => {
    const exports = exportsOf(outputType, { org, project, apiKey })
    // In the record, `isResult` marks the task whose result is that of its whole family.
    const last = createResult.s(org, project).set({ ...extractFollowups(self), isResult: true })
    const result = await chord(exports, last).applyAsync()
    return result.id
  },
)

function exportsOf(outputType: string, { org, project, apiKey }: Order): Signature[] {
  switch (outputType) {
    case 'xls':
      return [exportXls.s(org, project)]
    case 'shp':
      return [exportShp.s(org, project)]
    case 'res':
      return [exportResources.s(org, project, apiKey)]
    case 'all':
      return ['xls', 'shp', 'res'].flatMap((type) => exportsOf(type, { org, project, apiKey }))
    default:
      throw new Error(`there is no export "${outputType}"; there are xls, shp, res and all`)
  }
}
