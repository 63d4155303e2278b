import { describe, expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  Tuple,
  Uuid,
} from '../../src/codecs/values.ts'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory, freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { askPython, PYTHONS } from './ask-python.ts'

/** As Debian has it, Celery 5.2 comes without. */
const HAS_MSGPACK = { new: 'True', old: 'False' }

describe.each(PYTHONS)('Celery (%s)', (python) => {
  test('a Node task gets its arguments from Python, by place and by name, and Python its result', async () => {
    const servers = await freshServers()
    const app = liveApp(servers)
    app.task('export.add', async (x: number, y: number) => x + y)
    app.task(
      'export.report',
      { bind: true, params: ['slug', 'options'] },
      async (self, slug: string, options: { format: string }) => ({
        file: `${slug}.${options.format}`,
        id: self.request.id,
        header: self.request.headers.tenant,
        key: self.request.kwargs,
      }),
    )
    await startWorker(app)
    const answer = await askPython<unknown[]>(python, servers.env, {
      code: `report = send('export.report', ['fields'], {'options': {'format': 'xls'}}, headers={'tenant': 'acme'})`,
      answer: `[
        get(send('export.add', [2, 3])),
        get(send('export.report', [], {'slug': 'a', 'format': 'shp'}))['file'],
        get(report) == {'file': 'fields.xls', 'id': report.id, 'header': 'acme', 'key': {'options': {'format': 'xls'}}},
        report.state,
      ]`,
    })
    expect(answer).toEqual([5, 'a.shp', true, 'SUCCESS'])
  })

  test('what a Node task returns has the same value and type in Python', async () => {
    const servers = await freshServers()
    const app = liveApp(servers)
    app.task('export.typed', () => ({
      int: 42,
      negative: -1,
      big: 2n ** 70n,
      beyond53: 2n ** 53n + 1n,
      float: 1.5,
      wholeFloat: new Float(2),
      infinite: Number.POSITIVE_INFINITY,
      text: 'Ünïcødé 🌍 \u0000',
      yes: true,
      nothing: null,
      missing: undefined,
      list: [1, [2, ['x']], { a: null }],
      bytes: Buffer.from([0, 255]),
      date: new Date('2024-02-29T12:30:15.123Z'),
      naive: new DateTime('2024-02-29T12:30:15.123456'),
      offset: new DateTime('2024-02-29T12:30:15+02:00'),
      day: new LocalDate('2024-02-29'),
      time: new LocalTime('12:30:15'),
      decimal: new Decimal('1.10'),
      uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
      tuple: Tuple.of<unknown>(1, 'a'),
    }))
    app.task('export.nothing', () => undefined)
    await startWorker(app)
    const answer = await askPython(python, servers.env, {
      answer: `[shown(get(send('export.typed'))), shown(get(send('export.nothing')))]`,
    })
    const utc = 'tzinfo=datetime.timezone.utc'
    expect(answer).toEqual([
      {
        int: 'int 42',
        negative: 'int -1',
        big: `int ${2n ** 70n}`,
        beyond53: 'int 9007199254740993',
        float: 'float 1.5',
        wholeFloat: 'float 2.0',
        infinite: 'float inf',
        text: "str 'Ünïcødé 🌍 \\x00'",
        yes: 'bool True',
        nothing: 'NoneType None',
        list: "list [1, [2, ['x']], {'a': None}]",
        bytes: "bytes b'\\x00\\xff'",
        date: `datetime datetime.datetime(2024, 2, 29, 12, 30, 15, 123000, ${utc})`,
        naive: 'datetime datetime.datetime(2024, 2, 29, 12, 30, 15, 123456)',
        offset:
          'datetime datetime.datetime(2024, 2, 29, 12, 30, 15, tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))',
        day: 'date datetime.date(2024, 2, 29)',
        time: 'time datetime.time(12, 30, 15)',
        decimal: "Decimal Decimal('1.10')",
        uuid: "UUID UUID('12345678-1234-5678-1234-567812345678')",
        tuple: "tuple (1, 'a')",
      },
      'NoneType None',
    ])
  })

  test('a state that a Node task sets while it runs is seen from Python', async () => {
    const servers = await freshServers()
    const app = liveApp(servers)
    const gate = deferred()
    app.task('export.slow', { bind: true }, async (self) => {
      await self.updateState('PROGRESS', { done: 3, total: 7 })
      await gate.promise
    })
    await startWorker(app)
    const seen = await askPython(python, servers.env, {
      code: `
import time
result = send('export.slow')
deadline = time.time() + 20
while result.state != 'PROGRESS' and time.time() < deadline:
    time.sleep(0.02)`,
      answer: '[result.state, result.info, result.ready()]',
    })
    gate.resolve()
    expect(seen).toEqual(['PROGRESS', { done: 3, total: 7 }, false])
  })

  test('an error of a Node task is raised in Python with its type, message and traceback', async () => {
    const servers = await freshServers()
    const app = liveApp(servers)
    app.task('export.type', () => {
      throw new TypeError('expected a slug')
    })
    app.task('export.own', () => {
      throw Object.assign(new Error('no such project', { cause: new Error('row is gone') }), {
        name: 'ProjectError',
      })
    })
    app.task('export.text', () => {
      // biome-ignore lint/style/useThrowOnlyError: what other people's code does
      throw 'just a text'
    })
    await startWorker(app)
    const answer = await askPython(python, servers.env, {
      answer: `[failure(send(f'export.{name}')) for name in ('type', 'own', 'text', 'unknown')]`,
    })
    expect(answer).toMatchObject([
      {
        type: 'TypeError',
        args: ['expected a slug'],
        traceback: expect.stringMatching(/TypeError: expected a slug\n\s+at .*python-calls-node/),
      },
      {
        type: 'ProjectError',
        args: ['no such project'],
        traceback: expect.stringContaining('Caused by: Error: row is gone'),
      },
      { type: 'Error', args: ['just a text'] },
      { type: 'NotRegistered', args: ['export.unknown'] },
    ])
  })

  test('bodies that Python compresses, or writes as YAML or MessagePack, are read where they are accepted', async () => {
    const servers = await freshServers()
    const app = liveApp(servers, { accept_content: ['json', 'yaml', 'msgpack'] })
    app.task('export.echo', (value: unknown) => value)
    await startWorker(app)
    const answer = await askPython(python, servers.env, {
      code: `
value = {'text': 'Ünïcødé' * 200, 'list': [1, 2.5, None, True]}
kinds = [{'compression': 'zlib'}, {'compression': 'bzip2'}, {'serializer': 'yaml'},
    {'serializer': 'yaml', 'compression': 'zlib'}]
if ${HAS_MSGPACK[python]}:
    kinds.append({'serializer': 'msgpack'})
results = [send('export.echo', [value], **kind) for kind in kinds]`,
      answer: '[str(kind) for kind, result in zip(kinds, results) if get(result) != value]',
    })
    expect(answer).toEqual([])
  })

  test('a call of Python waits for its eta, and is not run once it has expired', async () => {
    const servers = await freshServers()
    const app = liveApp(servers)
    app.task('export.now', () => Date.now() / 1000)
    await startWorker(app)
    const answer = await askPython(python, servers.env, {
      code: `
import time
now = time.time()
past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=5)
late = send('export.now', eta=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=0.5))
later = send('export.now', countdown=0.6)
# The header alone: with the property beside it the broker would drop the message by itself.
expired = send('export.now', headers={'expires': past.isoformat()})
fresh = send('export.now', expires=60)`,
      answer: `[get(late) - now >= 0.5, get(later) - now >= 0.6, failure(expired), expired.state, get(fresh) >= now]`,
    })
    expect(answer).toEqual([
      true,
      true,
      { type: 'TaskRevokedError', args: ['expired'], traceback: null },
      'REVOKED',
      true,
    ])
  })

  test('tasks that Python publishes and Node runs are recorded with status and result', async () => {
    const servers = await freshServers()
    const database = await startMonitor(servers)
    const app = liveApp(servers)
    app.task('export.add', async (x: number, y: number) => x + y)
    app.task('export.fail', () => {
      throw new RangeError('too far')
    })
    await startWorker(app)
    const ids = await askPython<string[]>(python, servers.env, {
      answer: `[send('export.add', [2, 3]).id, send('export.fail').id]`,
    })
    expect(await finishedHistory(database, ids)).toMatchObject([
      { name: 'export.add', status: 'SUCCESS', result: 5 },
      { name: 'export.fail', status: 'FAILURE', exception: 'RangeError: too far' },
    ])
  })
})

test('typed arguments of a Python of today are the same values in Node, and come back as they went', async () => {
  const servers = await freshServers()
  const app = liveApp(servers)
  const received: unknown[] = []
  app.task('export.echo', (value: Record<string, unknown>) => {
    received.push(value)
    return value
  })
  await startWorker(app)
  const isSame = await askPython('new', servers.env, {
    code: `
utc = datetime.timezone.utc
value = {
    'big': 2**70, 'beyond53': -2**53 - 1, 'float': 1.5, 'nothing': None, 'text': 'Ünïcødé 🌍', 'bytes': b'\\x00\\xff',
    'ascii': b'plain', 'date': datetime.date(2024, 2, 29), 'time': datetime.time(12, 30, 15, 5),
    'naive': datetime.datetime(2024, 2, 29, 12, 30), 'aware': datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=utc),
    'decimal': decimal.Decimal('1.10'), 'uuid': uuid.UUID('12345678-1234-5678-1234-567812345678'),
    'nested': [[1, {'deep': [True, None, decimal.Decimal('-0.0')]}]],
}
same = shown(get(send('export.echo', [value]))) == shown(value)`,
    answer: 'same',
  })
  expect(isSame).toBe(true)
  expect(received).toEqual([
    {
      big: 2n ** 70n,
      beyond53: -(2n ** 53n) - 1n,
      float: 1.5,
      nothing: null,
      text: 'Ünïcødé 🌍',
      bytes: Buffer.from([0, 255]),
      ascii: Buffer.from('plain'),
      date: new LocalDate('2024-02-29'),
      time: new LocalTime('12:30:15.000005'),
      naive: new DateTime('2024-02-29T12:30:00'),
      aware: new DateTime('2024-02-29T12:30:15.123456+00:00'),
      decimal: new Decimal('1.10'),
      uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
      nested: [[1, { deep: [true, null, new Decimal('-0.0')] }]],
    },
  ])
})
