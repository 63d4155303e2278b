import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { type CeleryApp, Config, createApp } from '../../../src/index.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import { hasService } from '../../support/services.ts'
import { sharedServers } from '../../support/shared-servers.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Flower, startFlower } from './flower.ts'
import { takePicture } from './pictures.ts'

const NAME = 'node@test'
const SCALED = 'scaled@test'

let servers: Awaited<ReturnType<typeof sharedServers>>
let app: CeleryApp
let flower: Flower
let worker: Worker
let scaled: Worker
const end = deferred<void>()

describe.skipIf(!hasService('PYTHON_FLOWER'))('stock Flower 2.2', () => {
  beforeAll(async () => {
    servers = await sharedServers(['export', 'night'])
    const { CELERY_BROKER_URL: broker_url, CELERY_RESULT_BACKEND: result_backend } = servers.env
    app = createApp(
      new Config({
        queues: ['export', 'night'],
        broker_url,
        result_backend,
        worker_pool_restarts: true,
        dotenv: false,
        environment: {},
      }),
    )
    app.task('export.add', (a: number, b: number) => a + b)
    app.task('export.fail', () => {
      throw new Error('no paper')
    })
    app.task('export.hang', async () => end.promise)
    flower = await startFlower({ ...servers.env, RESULT_BACKEND: result_backend ?? '' })
    const options = { queues: ['export'], taskEvents: true }
    worker = app.worker({ ...options, name: NAME, concurrency: 2 })
    scaled = app.worker({
      ...options,
      name: SCALED,
      queues: ['night'],
      autoscale: { max: 4, min: 1 },
    })
    await Promise.all([worker.start(), scaled.start()])
    await waitFor('Flower to know both', async () => {
      const known = await flower.json('/api/workers?refresh=1')
      return Object.keys(known as object).length === 2
    })
  })
  afterAll(async () => {
    end.resolve()
    await flower?.close()
    await Promise.all([worker?.stop({ graceMs: 0 }), scaled?.stop({ graceMs: 0 })])
    await app?.close()
    await servers?.remove()
  })

  test('the page of a worker shows its pool, queues, tasks and settings', async () => {
    const { status, text } = await flower.get(`/worker/${NAME}`)
    expect(status).toBe(200)
    const shown = ['Prefetch Count', 'export.hang', 'task_exchange', '127.0.0.1', 'utime']
    expect(shown.filter((part) => !text.includes(part))).toEqual([])
    expect(text).not.toContain(':guest@')
    await takePicture(`${flower.url}/worker/${NAME}`, 'flower-worker')
  })

  test('what was run is shown with its arguments, result, error and counts', async () => {
    const [added, failed] = await Promise.all([
      app.sendTask('export.add', [2, 3]),
      app.sendTask('export.fail'),
    ])
    await added.get({ timeoutMs: 20_000 })
    const seen = async (id: string, state: string): Promise<unknown> =>
      await waitFor(`${state} in Flower`, async () => {
        const { status, text } = await flower.get(`/api/task/info/${id}`)
        const task = status === 200 ? JSON.parse(text) : undefined
        return task?.state === state ? task : undefined
      })
    expect(await seen(added.id, 'SUCCESS')).toMatchObject({
      name: 'export.add',
      args: '(2, 3)',
      result: '5',
    })
    expect(await seen(failed.id, 'FAILURE')).toMatchObject({ name: 'export.fail' })
    expect((await flower.get(`/task/${added.id}`)).text).toContain('export.add')
    const { text: metrics } = await flower.get('/metrics')
    expect(metrics).toMatch(
      /flower_events_total\{[^}]*task="export\.add"[^}]*worker="node@test"\} \d/,
    )
    expect((await flower.get('/')).text).toContain(NAME)
    await takePicture(`${flower.url}/workers`, 'flower-workers')
    await takePicture(`${flower.url}/tasks`, 'flower-tasks')
  })

  test.each([
    [`/api/worker/pool/grow/${NAME}?n=3`, "Growing 'node@test' worker's pool by 3", 5],
    [`/api/worker/pool/shrink/${NAME}?n=2`, "Shrinking 'node@test' worker's pool by 2", 3],
  ] as const)('the button of %s changes the pool', async (path, message, slots) => {
    expect(await pressed(path)).toEqual({ message })
    const { [NAME]: known } = (await flower.json(
      `/api/workers?refresh=1&workername=${NAME}`,
    )) as Record<string, unknown>
    expect(known).toMatchObject({ stats: { pool: { 'max-concurrency': slots } } })
  })

  test('the button of autoscale changes its limits', async () => {
    expect(await pressed(`/api/worker/pool/autoscale/${SCALED}?min=2&max=6`)).toEqual({
      message: "Autoscaling 'scaled@test' worker (min=2, max=6)",
    })
    const refused = await flower.post(`/api/worker/pool/autoscale/${NAME}?min=2&max=6`)
    expect(refused).toEqual({ status: 403, text: expect.stringContaining('Autoscale not enabled') })
  })

  test('the button that restarts the pool does', async () => {
    expect(await pressed(`/api/worker/pool/restart/${NAME}`)).toEqual({
      message: "Restarting 'node@test' worker's pool",
    })
  })

  test('the buttons of consumers add and cancel a queue', async () => {
    const queue = async (what: string): Promise<unknown> =>
      await pressed(`/api/worker/queue/${what}/${NAME}?queue=night`)
    expect(await queue('add-consumer')).toEqual({ message: 'add consumer night' })
    expect(worker.queues).toEqual(['export', 'night'])
    expect(await queue('cancel-consumer')).toEqual({ message: 'no longer consuming from night' })
    expect(worker.queues).toEqual(['export'])
  })

  test('the buttons of limits change those of a task', async () => {
    expect(
      await pressed(`/api/task/rate-limit/export.add?workername=${NAME}&ratelimit=100`),
    ).toEqual({
      message: 'new rate limit set successfully',
    })
    expect(
      await pressed(`/api/task/timeout/export.add?workername=${NAME}&soft=30&hard=60`),
    ).toEqual({
      message: 'time limits set successfully',
    })
  })

  test('a task is called from Flower, and its result is read there', async () => {
    const { status, text } = await flower.post('/api/task/apply/export.add', { args: [1, 2] })
    expect({ status, text }).toMatchObject({ status: 200 })
    expect(JSON.parse(text)).toMatchObject({ state: 'SUCCESS', result: 3 })
  })

  test.each([['true'], ['1']])(
    'the button that terminates a task (terminate=%s) ends it',
    async (terminate) => {
      const running = await app.sendTask('export.hang')
      await waitFor('it to run', async () => {
        const found = await app.control.inspect({ destination: NAME }).queryTask(running.id)
        return JSON.stringify(found).includes('active')
      })
      await pressed(`/api/task/revoke/${running.id}?terminate=${terminate}`)
      await expect(running.get({ timeoutMs: 20_000 })).rejects.toMatchObject({
        excType: 'TaskRevokedError',
        excArgs: ['terminated'],
      })
    },
  )

  test('the button that shuts a worker down stops it', async () => {
    expect(await pressed(`/api/worker/shutdown/${SCALED}`)).toEqual({ message: 'Shutting down!' })
    await scaled.ended
  })
})

async function pressed(path: string): Promise<unknown> {
  const { status, text } = await flower.post(path)
  expect({ status, text }).toMatchObject({ status: 200 })
  return JSON.parse(text)
}
