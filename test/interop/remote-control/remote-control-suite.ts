import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { EventLines } from '../../../src/cli/events/event-line.ts'
import { EventReceiver } from '../../../src/events/event-receiver.ts'
import { type CeleryApp, Config, createApp } from '../../../src/index.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { Process } from '../../support/processes.ts'
import { startPythonWorker } from '../../support/python-celery.ts'
import { sharedServers } from '../../support/shared-servers.ts'
import { waitFor } from '../../support/wait-for.ts'
import type { PythonVersion } from '../ask-python.ts'
import { ourCli } from './our-cli.ts'
import { type StockCelery, startStockCelery } from './stock-celery.ts'

const NODE = 'node@test'
const PYTHON = 'python@test'
const TO_NODE = ['-d', NODE, '-t', '20']
const TO_PYTHON = ['-d', PYTHON, '-t', '20']

/** One test a command and direction; all of them share the workers, which take longer to start than the tests last. */
export function remoteControlWith(python: PythonVersion): void {
  let servers: Awaited<ReturnType<typeof sharedServers>>
  let app: CeleryApp
  let worker: Worker
  let pythonWorker: Process
  let celery: StockCelery
  let end = deferred<void>()

  beforeAll(async () => {
    servers = await sharedServers()
    app = createApp(
      new Config({
        queues: ['export', 'python'],
        broker_url: servers.vhost.url,
        result_backend: servers.env.CELERY_RESULT_BACKEND,
        worker_pool_restarts: true,
        dotenv: false,
        environment: {},
      }),
    )
    app.task('export.add', { rateLimit: '100/s' }, (a: number, b: number) => a + b)
    app.task('export.hang', async (..._args: readonly unknown[]) => end.promise)
    worker = app.worker({ name: NODE, queues: ['export'], concurrency: 2 })
    await worker.start()
    await app.control.revoke('known', { reply: true, destination: [NODE], timeoutMs: 5_000 })
    await app.asyncResult('known').forget()
    ;[pythonWorker, celery] = await Promise.all([
      startPythonWorker({
        python,
        isShared: true,
        pool: 'prefork',
        concurrency: 1,
        env: servers.env,
        queues: ['python'],
        args: ['-n', PYTHON, '--without-gossip'],
      }),
      startStockCelery(python, servers.env),
    ])
  })
  afterAll(async () => {
    end.resolve()
    await Promise.all([
      celery?.close(),
      pythonWorker?.stop('SIGKILL'),
      worker?.stop({ graceMs: 0 }),
    ])
    await app?.close()
    await servers?.remove()
  })

  const cli = async (...args: readonly string[]) => await ourCli('-b', servers.vhost.url, ...args)
  const cliJson = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse((await cli(...args, '--json')).output)

  describe(`stock celery ${python} asks ours`, () => {
    const asks = async (command: string, ...args: readonly string[]): Promise<unknown> => {
      const answers = await celery.json('inspect', ...TO_NODE, command, ...args)
      expect(Object.keys(answers as object)).toEqual([NODE])
      return (answers as Record<string, unknown>)[NODE]
    }

    test('status', async () => {
      const { output } = await celery.run('status', ...TO_NODE)
      expect(output).toMatch(/->\s+node@test: OK[\s\S]*1 node online\./)
    })
    test('inspect ping', async () => expect(await asks('ping')).toEqual({ ok: 'pong' }))
    test('inspect clock', async () =>
      expect(await asks('clock')).toEqual({ clock: expect.any(Number) }))
    test('inspect active and query_task', async () => {
      const { id } = await app.sendTask('export.hang', [1, 'a'])
      const [task] = await waitFor('it to run', async () => {
        const tasks = (await asks('active')) as readonly unknown[]
        return tasks.length > 0 ? tasks : undefined
      })
      expect(task).toMatchObject({ id, args: [1, 'a'], hostname: NODE, worker_pid: process.pid })
      expect(await asks('query_task', id, 'other')).toMatchObject({ [id]: ['active', { id }] })
      end.resolve()
      end = deferred()
    })
    test('inspect scheduled', async () => {
      const { id } = await app.sendTask('export.add', [1, 2], {}, { countdown: 3_600 })
      const [task] = await waitFor('it to wait', async () => {
        const tasks = (await asks('scheduled')) as readonly unknown[]
        return tasks.length > 0 ? tasks : undefined
      })
      expect(task).toMatchObject({ priority: 6, request: { id, time_start: null } })
    })
    test('inspect reserved', async () => expect(await asks('reserved')).toEqual([]))
    test('inspect registered', async () => {
      expect(await asks('registered', 'rate_limit', 'serializer')).toEqual([
        'export.add [rate_limit=100/s serializer=json]',
        'export.hang [serializer=json]',
      ])
    })
    test('inspect revoked', async () => expect(await asks('revoked')).toEqual(['known']))
    test('inspect stats', async () => {
      const theirs = (await celery.json('inspect', ...TO_PYTHON, 'stats')) as Stats
      const ours = (await asks('stats')) as Stats[string]
      expect(new Set(Object.keys(ours))).toEqual(new Set(Object.keys(theirs[PYTHON] ?? {})))
      expect(ours.broker).toMatchObject({ ...theirs[PYTHON]?.broker, heartbeat: expect.anything() })
      expect(shapeOf(ours.rusage)).toEqual(shapeOf(theirs[PYTHON]?.rusage))
      expect(ours.pool).toMatchObject({ 'max-concurrency': 2, processes: [process.pid] })
    })
    test('inspect conf', async () => {
      const conf = await asks('conf')
      expect(conf).toMatchObject({
        worker_pool_restarts: true,
        broker_url: expect.stringContaining(':***@'),
      })
      expect(await asks('conf', 'true')).toMatchObject({ task_acks_late: false })
    })
    test('inspect report', async () =>
      expect(await asks('report')).toEqual({ ok: expect.stringContaining('celery-toolbox:') }))
    test('inspect memsample', async () => expect(await asks('memsample')).toMatch(/^[\d.]+[MG]B$/))
    test('inspect memdump', async () =>
      expect(await asks('memdump', '5')).toMatchObject({
        error: expect.stringContaining('Python'),
      }))
    test('inspect objgraph', async () =>
      expect(await asks('objgraph')).toMatchObject({ error: expect.stringContaining('Python') }))
    test('inspect active_queues', async () => {
      const theirs = (await celery.json('inspect', ...TO_PYTHON, 'active_queues')) as Queues
      const queue = theirs[PYTHON]?.[0]
      expect(await asks('active_queues')).toEqual([
        { ...queue, name: 'export', routing_key: 'export', exchange: queue?.exchange },
      ])
    })

    const controls = async (command: string, ...args: readonly string[]): Promise<unknown> => {
      const [reply] = (await celery.json('control', ...TO_NODE, command, ...args)) as Reply[]
      return reply?.[NODE]
    }
    test.each([
      ['rate_limit', ['export.add', '50/s'], 'new rate limit set successfully'],
      ['time_limit', ['export.add', '1.5', '2.5'], 'time limits set successfully'],
      ['add_consumer', ['night', 'nights', 'topic', 'night.#'], 'add consumer night'],
      ['cancel_consumer', ['night'], 'no longer consuming from night'],
      ['pool_grow', ['3'], 'pool will grow'],
      ['pool_shrink', ['2'], 'pool will shrink'],
      ['pool_restart', [], 'reload started'],
      ['enable_events', [], 'task events enabled'],
      ['disable_events', [], 'task events disabled'],
      ['terminate', ['KILL', 'nothing'], 'terminate: tasks unknown'],
      ['revoke', ['some'], "tasks {'some'} flagged as revoked"],
      [
        'revoke_by_stamped_headers',
        ['k=v'],
        "headers ['k=v'] flagged as revoked, but not terminated",
      ],
    ] as const)('control %s', async (command, args, text) => {
      if (python === 'old' && command === 'revoke_by_stamped_headers') return // there is none in it
      expect(await controls(command, ...args)).toEqual({ ok: text })
    })
    test('a worker that starts learns what is revoked', async () => {
      const told = await app.sendTask('python.add', [1, 1], {}, { taskId: 'known' })
      await expect(told.get({ timeoutMs: 20_000 })).rejects.toMatchObject({
        excType: 'TaskRevokedError',
      })
    })
    test('a worker of ours that starts hears from Celery what is revoked', async () => {
      await app.control.revoke('told', { reply: true, destination: [PYTHON], timeoutMs: 20_000 })
      const other = app.worker({ name: 'mingled@test', queues: ['export'] })
      await other.start()
      await waitFor('it to know', async () => {
        const { 'mingled@test': known } = await app.control
          .inspect({ destination: 'mingled@test' })
          .revoked()
        return Array.isArray(known) && known.includes('told') && known.includes('known')
      })
      await other.stop()
    })
    test('an unknown command is answered in the words of Celery', async () => {
      const asked = { reply: true, destination: [NODE, PYTHON], timeoutMs: 20_000 }
      const [one, other] = await app.control.broadcast('no_such_command', {}, asked)
      expect([...Object.values(one ?? {}), ...Object.values(other ?? {})]).toEqual([
        { error: "KeyError('no_such_command')" },
        { error: "KeyError('no_such_command')" },
      ])
    })
    test('control autoscale', async () =>
      expect(await controls('autoscale', '4', '2')).toEqual({
        error: "ValueError('Autoscale not enabled')",
      }))
    test('control heartbeat', async () => expect(await controls('heartbeat')).toBeNull())
    test('control shutdown', async () => {
      const other = app.worker({ name: 'other@test', queues: ['export'] })
      await other.start()
      await celery.run('control', '-d', 'other@test', '-t', '20', 'shutdown')
      await other.ended
    })
    test('events --dump', async () => {
      await celery.run('events', '--dump')
      const dumped = await waitFor('a heartbeat', async () => {
        await app.control.heartbeat()
        const { output } = await celery.run('dumped')
        return /node@test.*heartbeat/.test(output) ? output : undefined
      })
      expect(dumped).toMatch(/node@test \[.*\] heartbeat: active=\d+.*sw_ident=celery-toolbox/)
    })
  })

  describe(`ours asks Celery ${python}`, () => {
    test('status', async () => {
      const { output, code } = await cli('status', ...TO_PYTHON)
      expect(output).toBe('->  python@test: OK\n\n1 node online.\n')
      expect(code).toBe(0)
    })
    test('all workers answer at once', async () => {
      expect(await cliJson('inspect', 'ping', '-t', '2')).toEqual({
        [NODE]: { ok: 'pong' },
        [PYTHON]: { ok: 'pong' },
      })
    })
    test.each([
      ['ping'],
      ['active'],
      ['reserved'],
      ['scheduled'],
      ['revoked'],
      ['registered'],
      ['registered', 'rate_limit'],
      ['active_queues'],
      ['conf'],
      ['report'],
      ['query_task', 'nothing'],
    ])('inspect %s prints the JSON of celery --json, and its text', async (...args) => {
      const [command = '', ...more] = args
      const asked = ['inspect', ...TO_PYTHON, command, ...more]
      expect(await cliJson(...asked)).toEqual(await celery.json(...asked))
      const { output: ours } = await cli(...asked)
      const { output: theirs } = await celery.run(...asked)
      // Celery prints a list of texts as it is, and one of dicts as Python does.
      expect(ours.trimEnd()).toBe(theirs.trimEnd())
    })
    test.each(['stats', 'clock', 'memsample'])('inspect %s', async (command) => {
      const answers = await cliJson('inspect', ...TO_PYTHON, command)
      expect(Object.keys(answers as object)).toEqual([PYTHON])
      const theirs = await celery.json('inspect', ...TO_PYTHON, command)
      expect(shapeOf(answers)).toEqual(shapeOf(theirs))
    })
    test.each([
      ['rate_limit', ['python.add', '50/s'], { ok: 'new rate limit set successfully' }],
      ['time_limit', ['python.add', '1.5', '2.5'], { ok: 'time limits set successfully' }],
      ['add_consumer', ['night'], { ok: 'add consumer night' }],
      ['cancel_consumer', ['night'], { ok: 'no longer consuming from night' }],
      ['pool_grow', ['1'], { ok: 'pool will grow' }],
      ['pool_shrink', ['1'], { ok: 'pool will shrink' }],
      ['autoscale', ['4', '2'], { error: "ValueError('Autoscale not enabled')" }],
      ['pool_restart', [], { error: "ValueError('Pool restarts not enabled')" }],
      ['enable_events', [], { ok: 'task events enabled' }],
      ['disable_events', [], { ok: 'task events disabled' }],
      ['terminate', ['KILL', 'nothing'], { ok: 'terminate: tasks unknown' }],
      ['heartbeat', [], null],
    ] as const)('control %s', async (command, args, answer) => {
      expect(await cliJson('control', ...TO_PYTHON, command, ...args)).toEqual([
        { [PYTHON]: answer },
      ])
    })
    test('a worker that is not there is named, and the exit code is that of celery', async () => {
      const { code, errors } = await cli('inspect', 'ping', '-d', 'nobody@test', '-t', '0.3')
      expect(errors).toContain('no answer within 0.3 s from nobody@test')
      expect(code).toBe(69)
    })
    test('events are heard and shown as celery events --dump shows them', async () => {
      const lines = new EventLines()
      const heard: string[] = []
      const receiver = new EventReceiver({
        broker: app.readingBroker(),
        settings: app.config,
        logger: app.logger,
        onEvent: (event) => heard.push(lines.lineOf(event)),
      })
      await receiver.start()
      await celery.run('events', '--dump')
      await waitFor('the same line from both', async () => {
        await app.control.heartbeat({ destination: [PYTHON] })
        const { output } = await celery.run('dumped')
        const theirs = output.split('\n').map(namesIn)
        return heard.some((line) => line.startsWith(PYTHON) && theirs.includes(namesIn(line)))
      })
      await receiver.close()
    })
    test('control shutdown', async () => {
      await app.control.shutdown({ destination: [PYTHON] })
      expect((await pythonWorker.exited).code).toBe(0)
    })
  })
}

type Reply = Readonly<Record<string, unknown>>
type Stats = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>
type Queues = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

/** The line without its values, without when the reader had it, and without a zone, which Celery 5.2 does not write. */
function namesIn(line: string): string {
  return line
    .replace(/local_received=[\d.]+, /, '')
    .replace('+00:00]', ']')
    .replace(/=(?:\[[^\]]*\]|[^,]*)/g, '')
    .trimEnd()
}

/** The names in it, without the values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return 'list'
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]))
}
