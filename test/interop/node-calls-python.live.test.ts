import { describe, expect, test } from 'vitest'
import {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  TaskFailedError,
  Uuid,
} from '../../src/index.ts'
import { finishedHistory, freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { PYTHONS, sharedWorker, startInteropWorker } from './ask-python.ts'

const WAIT = { timeoutMs: 20_000 }

describe.each(PYTHONS)('Celery (%s)', (python) => {
  const place = sharedWorker(python)

  test('a Python task gets its arguments and options from Node, and Node its result', async () => {
    const app = liveApp(place.servers)
    const sum = await app.sendTask<number>('python.add', [2, 3])
    const echo = await app.sendTask('python.echo', [1, 'é', [null, { a: 1.5 }]], { k: true })
    const request = await app.sendTask<Record<string, unknown>>(
      'python.request',
      [],
      {},
      {
        priority: 4,
        timeLimit: 300,
        softTimeLimit: 200,
      },
    )
    expect(await sum.get(WAIT)).toBe(5)
    expect(await echo.get(WAIT)).toEqual({
      args: [1, 'é', [null, { a: 1.5 }]],
      kwargs: { k: true },
    })
    expect(await request.get(WAIT)).toMatchObject({
      id: request.id,
      root_id: request.id,
      parent_id: null,
      correlation_id: request.id,
      priority: 4,
      retries: 0,
      routing_key: 'python',
    })
  })

  test('headers of a Node call are read by Python, integers of every width among them', async () => {
    const app = liveApp(place.servers)
    // Celery 5.2 cannot read 16-bit integers, and would fetch such a message again and again.
    const headers = {
      byte: 128,
      short: 300,
      largestShort: 32_767,
      negative: -300,
      int: 70_000,
      millis: 1_790_000_000_123,
      tenant: 'Ünïcødé',
      list: [200, null, 1.5],
    }
    const result = await app.sendTask('python.headers', Object.keys(headers), {}, { headers })
    expect(await result.get(WAIT)).toEqual(headers)
  })

  test('what a Python task returns has the same value and type in Node', async () => {
    const app = liveApp(place.servers)
    const typed = await app.sendTask<Record<string, unknown>>('python.typed')
    const nothing = await app.sendTask('python.noop')
    expect(await typed.get(WAIT)).toEqual({
      big: 2n ** 70n,
      bytes: Buffer.from([0, 255]),
      date: new LocalDate('2024-02-29'),
      datetime: new DateTime('2024-02-29T12:30:15.123456+00:00'),
      decimal: new Decimal('1.10'),
      time: new LocalTime('12:30:15'),
      uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
    })
    expect(await nothing.get(WAIT)).toBeNull()
  })

  test('an exception of a Python task rejects in Node with its type, arguments and traceback', async () => {
    const app = liveApp(place.servers)
    const failed = await app.sendTask('python.fail', ['boom', 3, null])
    const custom = await app.sendTask('python.fail_custom', ['no parcel', { id: 7 }])
    const unknown = await app.sendTask('python.nobody_knows')
    const error = await failed.get(WAIT).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TaskFailedError)
    expect(error).toMatchObject({
      excType: 'ValueError',
      excModule: 'builtins',
      excArgs: ['boom', 3, null],
      state: 'FAILURE',
      taskId: failed.id,
      traceback: expect.stringMatching(
        /Traceback \(most recent call last\)[\s\S]*raise ValueError/,
      ),
    })
    await expect(custom.get(WAIT)).rejects.toMatchObject({
      excType: 'PlotError',
      excModule: 'toolbox_app',
      excArgs: ['no parcel', { id: 7 }],
    })
    await expect(unknown.get(WAIT)).rejects.toMatchObject({ excType: 'NotRegistered' })
  })

  test('bodies that Node compresses, or writes as YAML or MessagePack, are read by Python', async () => {
    const app = liveApp(place.servers)
    const text = 'Ünïcødé'.repeat(200)
    const kinds = [
      { compression: 'zlib' },
      { compression: 'gzip' },
      { serializer: 'yaml' },
      { serializer: 'yaml', compression: 'zlib' },
      // As Debian has it, Celery 5.2 comes without.
      ...(python === 'new' ? [{ serializer: 'msgpack' }] : []),
    ]
    for (const options of kinds) {
      const result = await app.sendTask('python.echo', [text, 1.5], { k: null }, options)
      expect([options, await result.get(WAIT)]).toEqual([
        options,
        { args: [text, 1.5], kwargs: { k: null } },
      ])
    }
  })

  test('a call of Node waits for its eta in Python, and is not run once it has expired', async () => {
    const servers = await freshServers()
    const app = liveApp(servers)
    const past = new Date(Date.now() - 5_000).toISOString()
    // The header alone: with the property beside it the broker would drop the message by itself.
    const expired = await app.sendTask('python.add', [1, 1], {}, { headers: { expires: past } })
    const fresh = await app.sendTask('python.add', [1, 2], {}, { expires: 60 })
    await startInteropWorker(python, servers)
    await expect(expired.get(WAIT)).rejects.toMatchObject({
      excType: 'TaskRevokedError',
      state: 'REVOKED',
    })
    expect(await fresh.get(WAIT)).toBe(3)
    const sentAt = Date.now()
    const later = await app.sendTask('python.add', [2, 2], {}, { countdown: 1 })
    expect(await later.get(WAIT)).toBe(4)
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(1_000)
  })

  test('tasks that Node publishes and Python runs are recorded with status and result', async () => {
    const servers = await freshServers()
    const database = await startMonitor(servers)
    const app = liveApp(servers)
    await startInteropWorker(python, servers)
    const sent = [
      await app.sendTask('python.add', [2, 3]),
      await app.sendTask('python.fail', ['boom', 3]),
      await app.sendTask('python.flaky', [2]),
      await app.sendTask('python.typed'),
    ]
    const ids = sent.map(({ id }) => id)
    expect(await finishedHistory(database, ids)).toMatchObject([
      { name: 'python.add', status: 'SUCCESS', result: 5 },
      { name: 'python.fail', status: 'FAILURE', exception: 'ValueError: boom, 3' },
      { name: 'python.flaky', status: 'SUCCESS', result: 2 },
      { name: 'python.typed', status: 'SUCCESS', result: { decimal: '1.10', date: '2024-02-29' } },
    ])
  })
})

test('typed arguments of Node are the same values in a Python of today', async () => {
  const servers = await freshServers()
  const app = liveApp(servers)
  await startInteropWorker('new', servers)
  const value = {
    big: 2n ** 70n,
    float: new Float(2),
    bytes: Buffer.from([0, 255]),
    date: new LocalDate('2024-02-29'),
    datetime: new DateTime('2024-02-29T12:30:15.123456+02:00'),
    decimal: new Decimal('1.10'),
    time: new LocalTime('12:30:15'),
    uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
  }
  const echoed = await app.sendTask<{ args: unknown[] }>('python.echo', [value])
  expect((await echoed.get(WAIT)).args).toEqual([{ ...value, float: 2 }])
})
