import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import {
  DateTime,
  Decimal,
  LocalDate,
  LocalTime,
  PythonObject,
  TimeDelta,
  Tuple,
  Uuid,
} from '../../../src/codecs/values.ts'
import { AsyncResult } from '../../../src/results/async-result.ts'
import { openResultStore } from '../../../src/results/open-result-store.ts'
import type { ResultStore } from '../../../src/results/result-store.ts'
import { failure, freshId, success } from '../../contracts/result-store-contract.ts'
import { freshDatabase } from '../../support/postgres.ts'
import { runPythonJson } from '../../support/python-celery.ts'

const APP = `
import datetime, decimal, json, sys, uuid
from celery import Celery
app = Celery('results', backend=sys.argv[1])
app.conf.result_extended = True
`

let backend: string
beforeEach(async () => {
  backend = (await freshDatabase()).replace(/^postgres(ql)?:/, 'db+postgresql+psycopg2:')
})

describe.each(['new', 'old'] as const)('with the %s Celery', (python) => {
  test('Python reads what we store, with the same types', async () => {
    const store = await open()
    const values = {
      none: null,
      yes: true,
      small: -5,
      big: 2n ** 70n,
      fraction: 0.1,
      text: 'grüße 🌱',
      list: [1, [2]],
      dict: { a: { b: null } },
      bytes: Buffer.from([0, 255]),
      tuple: Tuple.of<unknown>(1, 'two'),
      set: new Set([1, 2]),
      moment: new Date('2024-02-29T12:30:15.123Z'),
      day: new LocalDate('2024-02-29'),
      clock: new LocalTime('12:30:15'),
      span: new TimeDelta(1, 2, 3),
      decimal: new Decimal('1.10'),
      uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
    }
    const saved = Object.values(values).map((value) => success(value))
    await Promise.all(saved.map((result) => store.save(result)))
    const seen = await run<string[]>(
      `print(json.dumps([repr(app.AsyncResult(id).get(timeout=5)) for id in sys.argv[2:]]))`,
      saved.map(({ taskId }) => taskId),
    )
    expect(Object.fromEntries(Object.keys(values).map((key, n) => [key, seen[n]]))).toEqual({
      none: 'None',
      yes: 'True',
      small: '-5',
      big: String(2n ** 70n),
      fraction: '0.1',
      text: "'grüße 🌱'",
      list: '[1, [2]]',
      dict: "{'a': {'b': None}}",
      bytes: String.raw`b'\x00\xff'`,
      tuple: "(1, 'two')",
      set: '{1, 2}',
      moment: 'datetime.datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=datetime.timezone.utc)',
      day: 'datetime.date(2024, 2, 29)',
      clock: 'datetime.time(12, 30, 15)',
      span: 'datetime.timedelta(days=1, seconds=2, microseconds=3)',
      decimal: "Decimal('1.10')",
      uuid: "UUID('12345678-1234-5678-1234-567812345678')",
    })
  })

  test("Python's AsyncResult raises what failed here, with type, arguments and traceback", async () => {
    const store = await open()
    const known = failure(
      { excType: 'ValueError', excModule: 'builtins', excMessage: ['no good', 3] },
      'Error: no good\n    at add (tasks.ts:1:1)',
    )
    const ours = failure({ excType: 'HttpError', excModule: 'node', excMessage: ['404'] }, null)
    await Promise.all([store.save(known), store.save(ours)])
    const seen = await run(
      `
def outcome(id):
    result = app.AsyncResult(id)
    try:
        return result.get(timeout=5)
    except Exception as error:
        return [type(error).__name__, list(error.args), result.state, result.traceback, str(result.date_done)]
print(json.dumps([outcome(id) for id in sys.argv[2:]]))`,
      [known.taskId, ours.taskId],
    )
    expect(seen).toEqual([
      ['ValueError', ['no good', 3], 'FAILURE', known.traceback, '2024-05-06 07:08:09.010000'],
      ['HttpError', ['404'], 'FAILURE', null, '2024-05-06 07:08:09.010000'],
    ])
  })

  test('Python reads our extended columns', async () => {
    const store = await open({ result_extended: true })
    const saved = {
      ...success(1),
      name: 'export.add',
      args: [1, 'é'],
      kwargs: { k: 1 },
      worker: 'w@host',
      retries: 2,
      queue: 'export',
    }
    await store.save(saved)
    const seen = await run(
      `
result = app.AsyncResult(sys.argv[2])
print(json.dumps([result.name, result.args, result.kwargs, result.worker, result.retries, result.queue]))`,
      [saved.taskId],
    )
    expect(seen).toEqual(['export.add', [1, 'é'], { k: 1 }, 'w@host', 2, 'export'])
  })

  test('we read what Python stores, with the same types', async () => {
    const [taskId, none] = [freshId(), freshId()]
    await run(
      `
app.backend.store_result(sys.argv[2], {
    'big': 2**70, 'bytes': b'\\x00\\xff', 'date': datetime.date(2024, 2, 29), 'float': 1.5,
    'datetime': datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc),
    'decimal': decimal.Decimal('1.10'), 'time': datetime.time(12, 30, 15),
    'uuid': uuid.UUID('12345678-1234-5678-1234-567812345678'), 'none': None,
}, 'SUCCESS')
app.backend.store_result(sys.argv[3], None, 'SUCCESS')
print('null')`,
      [taskId, none],
    )
    const store = await open()
    const { status, result, dateDone } = await store.waitFor(taskId, { timeoutMs: 5000 })
    expect(status).toBe('SUCCESS')
    expect(Math.abs(Date.now() - (dateDone?.getTime() ?? 0))).toBeLessThan(60_000)
    expect(result).toEqual({
      big: 2n ** 70n,
      bytes: Buffer.from([0, 255]),
      date: new LocalDate('2024-02-29'),
      float: 1.5,
      datetime: new DateTime('2024-02-29T12:30:15.123456+00:00'),
      decimal: new Decimal('1.10'),
      time: new LocalTime('12:30:15'),
      uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
      none: null,
    })
    expect(await store.get(none)).toMatchObject({ status: 'SUCCESS', result: null })
  })

  test('we read tuples, sets and time spans that Python pickled', async () => {
    const taskId = freshId()
    await run(
      `
app = Celery('pickling', backend=sys.argv[1], result_serializer='pickle', accept_content=['pickle', 'json'])
app.backend.store_result(sys.argv[2], {
    'tuple': (1, 'two'), 'set': {1, 2}, 'span': datetime.timedelta(1, 2, 3),
}, 'SUCCESS')
print('null')`,
      [taskId],
    )
    const store = await open()
    expect((await store.get(taskId)).result).toEqual({
      tuple: Tuple.of<unknown>(1, 'two'),
      set: new Set([1, 2]),
      span: new TimeDelta(1, 2, 3),
    })
  })

  test('we throw what failed in Python', async () => {
    const taskId = freshId()
    await run(
      `
class PlotError(Exception): pass
try:
    raise PlotError(42, 'bad thing')
except PlotError as error:
    app.backend.mark_as_failure(sys.argv[2], error, traceback='Traceback of Python')
print('null')`,
      [taskId],
    )
    const store = await open()
    const result = new AsyncResult(taskId, { store: async () => store })
    await expect(result.get({ timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'TASK_FAILED',
      excType: 'PlotError',
      excModule: '__main__',
      excArgs: [42, 'bad thing'],
      traceback: 'Traceback of Python',
    })
  })

  test('an exception that Python pickled whole is read without being made', async () => {
    const [taskId, other] = [freshId(), freshId()]
    await run(
      `
import argparse
app = Celery('pickling', backend=sys.argv[1], result_serializer='pickle', accept_content=['pickle', 'json'])
app.backend.mark_as_failure(sys.argv[2], KeyError('slug'))
app.backend.store_result(sys.argv[3], argparse.Namespace(a=1), 'SUCCESS')
print('null')`,
      [taskId, other],
    )
    const store = await open()
    expect((await store.get(taskId)).result).toEqual({
      excType: 'KeyError',
      excModule: 'builtins',
      excMessage: ['slug'],
    })
    expect((await store.get(other)).result).toBeInstanceOf(PythonObject)
  })

  test('Python and we write the same rows in turn', async () => {
    const store = await open()
    const { taskId } = success(0)
    const exception = { excType: 'ValueError', excModule: 'builtins', excMessage: ['first'] }
    await store.save({ ...failure(exception, null), taskId })
    await run(`app.backend.store_result(sys.argv[2], 'second', 'SUCCESS'); print('null')`, [taskId])
    expect((await store.get(taskId)).result).toBe('second')
    await store.save({ ...success('third'), taskId })
    const seen = await run(`print(json.dumps(app.AsyncResult(sys.argv[2]).get(timeout=5)))`, [
      taskId,
    ])
    expect(seen).toBe('third')
  })

  test('Python stores into the tables that we made', async () => {
    const store = await open()
    await store.save(success('makes the tables'))
    const taskId = freshId()
    await run(
      `
from celery.result import AsyncResult
class Request:
    id = sys.argv[2]; task = 'python.parent'; args = [1]; kwargs = {}; hostname = 'w1@host'; delivery_info = {'routing_key': 'q'}
    retries = 0; group = None; parent_id = None; stamped_headers = ['who']; stamps = {'who': ['me']}; ignore_result = False
    children = [AsyncResult('child', app=app)]; argsrepr = None; kwargsrepr = None; who = 'me'
app.backend.store_result(sys.argv[2], 'parent', 'SUCCESS', request=Request())
print('null')`,
      [taskId],
    )
    expect(await store.get(taskId)).toMatchObject({ result: 'parent', name: 'python.parent' })
  })

  function run<Value>(code: string, args: readonly string[]): Promise<Value> {
    return runPythonJson<Value>(APP + code, { python, args: [backend, ...args] })
  }
})

async function open(settings: { readonly result_extended?: boolean } = {}): Promise<ResultStore> {
  const store = await openResultStore({ result_backend: backend, ...settings })
  onTestFinished(() => store.close())
  return store
}
