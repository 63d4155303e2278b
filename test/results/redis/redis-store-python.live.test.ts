import { describe, expect, onTestFinished, test } from 'vitest'
import type { TaskResult } from '../../../src/protocol/results/task-result.ts'
import {
  RedisResultStore,
  type RedisStoreSettings,
} from '../../../src/results/redis/redis-store.ts'
import type { ChordMember } from '../../../src/results/result-store.ts'
import { chordOf, releaseBy } from '../../contracts/chord-contract.ts'
import { failure, freshId, started, success } from '../../contracts/stored-results.ts'
import { runPythonJson } from '../../support/python-celery.ts'
import { service } from '../../support/services.ts'

const APP = `
import json, sys
from celery import Celery
app = Celery('results', backend=sys.argv[1], broker='memory://')
app.conf.result_expires = 600

class Request:
    """What a worker hands its backend of the task it runs."""
    def __init__(self, id, group=None, index=None, body=None):
        self.__dict__.update(
            id=id, group=group, group_index=index, chord=body, task='t', args=[], kwargs={}, hostname='w', retries=0,
            delivery_info={}, parent_id=None, children=[], stamped_headers=None, stamps={}, ignore_result=False,
            errbacks=None, chain=None, root_id=id, reply_to=None, correlation_id=id)

def body(id):
    return app.signature('python.body', options={'task_id': id})

def member(group, index, value, body_id, id=None):
    id = id or f'{group}-{index}'
    request = Request(id, group, index, body(body_id))
    if isinstance(value, Exception):
        app.backend.store_result(id, value, 'FAILURE', request=request)
        app.backend.on_chord_part_return(request, 'FAILURE', value)
    else:
        app.backend.store_result(id, value, 'SUCCESS', request=request)
        app.backend.on_chord_part_return(request, 'SUCCESS', value)

def published():
    """The arguments of the body that was published; None where none was."""
    with app.connection_for_read() as connection:
        queue = app.amqp.queues['celery'](connection.default_channel)
        queue.declare()
        message = queue.get(accept=['json'])
        return message and message.payload[0]
`

const NEVER = async (): Promise<void> => {
  throw new Error('released, and should not have been')
}

describe.each(['new', 'old'] as const)('with the %s Celery', (python) => {
  test('Python reads what we store: values, exceptions, states of our own', async () => {
    const store = await open({ result_extended: true })
    const exception = { excType: 'ValueError', excModule: 'builtins', excMessage: ['no good', 3] }
    const results: TaskResult[] = [
      success({ text: 'grüße 🌱', list: [1, null, 0.5] }),
      failure(exception, 'Error: no good\n    at add'),
      { ...success({ done: 3 }), status: 'PROGRESS', dateDone: null },
      { ...success(1), name: 'export.add', args: [1], kwargs: { k: 2 }, worker: 'w@h', retries: 2 },
    ]
    await Promise.all(results.map((result) => store.save(result)))
    const seen = await run(
      `
def seen(id):
    result = app.AsyncResult(id)
    error = result.result
    value = [type(error).__name__, list(error.args)] if isinstance(error, Exception) else error
    return [result.state, value, result.traceback, result.name]
print(json.dumps([seen(id) for id in sys.argv[2:]]))`,
      results.map(({ taskId }) => taskId),
    )
    expect(seen).toEqual([
      ['SUCCESS', { text: 'grüße 🌱', list: [1, null, 0.5] }, null, null],
      ['FAILURE', ['ValueError', ['no good', 3]], 'Error: no good\n    at add', null],
      ['PROGRESS', { done: 3 }, null, null],
      ['SUCCESS', 1, null, 'export.add'],
    ])
  })

  test('Python, waiting for a result, hears of it from us', async () => {
    const store = await open()
    const done = success('told')
    const getting = run(
      `
import threading
result = app.AsyncResult(sys.argv[2])
app.backend.result_consumer.start(sys.argv[2])
app.AsyncResult(sys.argv[2] + '-listening').backend.store_result(sys.argv[2] + '-listening', 1, 'SUCCESS')
print(json.dumps(result.get(timeout=20)))`,
      [done.taskId],
    )
    await store.waitFor(`${done.taskId}-listening`, { timeoutMs: 20_000 })
    await store.save(started(done.taskId))
    await store.save(done)
    expect(await getting).toBe('told')
  })

  test('we read what Python stores, and are notified while we wait', async () => {
    const store = await open()
    const [value, failed, progress] = [freshId(), freshId(), freshId()]
    const waiting = [value, failed].map((id) => store.waitFor(id, { timeoutMs: 20_000 }))
    await run(
      `
class PlotError(Exception): pass
app.backend.store_result(sys.argv[4], {'done': 3}, 'PROGRESS')
app.backend.store_result(sys.argv[2], None, 'STARTED')
app.backend.store_result(sys.argv[2], {'a': [1, 'é']}, 'SUCCESS')
app.backend.mark_as_failure(sys.argv[3], PlotError(42, 'bad'), traceback='Traceback of Python')
print('null')`,
      [value, failed, progress],
    )
    expect(await Promise.all(waiting)).toMatchObject([
      { status: 'SUCCESS', result: { a: [1, 'é'] } },
      {
        status: 'FAILURE',
        result: { excType: 'PlotError', excModule: '__main__', excMessage: [42, 'bad'] },
        traceback: 'Traceback of Python',
      },
    ])
    expect(await store.get(progress)).toMatchObject({ status: 'PROGRESS', result: { done: 3 } })
  })

  test('groups saved on one side are restored on the other', async () => {
    const store = await open()
    const [ours, theirs] = [freshId(), freshId()]
    await store.saveGroup(ours, ['a', 'b'])
    const seen = await run(
      `
from celery.result import GroupResult
GroupResult(sys.argv[3], [app.AsyncResult('c'), app.AsyncResult('d')], app=app).save()
print(json.dumps([result.id for result in GroupResult.restore(sys.argv[2], app=app).results]))`,
      [ours, theirs],
    )
    expect(seen).toEqual(['a', 'b'])
    expect(await store.restoreGroup(theirs)).toEqual(['c', 'd'])
  })

  test("a chord of Python's, with members of ours, is released by Python's last member", async () => {
    const store = await open()
    const [groupId, members] = chordOf(['a', 'b', 'c'])
    const [first, second, third] = members as [ChordMember, ChordMember, ChordMember]
    expect(await store.chords.memberDone(third, NEVER)).toBe(false)
    await run(`app.backend.set_chord_size(sys.argv[2], 3); print('null')`, [groupId])
    expect(await store.chords.memberDone(first, NEVER)).toBe(true)
    const args = await run(
      `member(sys.argv[2], 1, 'python', 'body', sys.argv[3]); print(json.dumps(published()))`,
      [groupId, second.result.taskId],
    )
    expect(args).toEqual([['a', 'python', 'c']])
    // As if delivered again.
    await store.chords.memberDone(first, NEVER)
  })

  test("a chord of ours, with members of Python's, is released by our last member", async () => {
    const store = await open()
    const [groupId, [, , third]] = chordOf(['a', 'b', 'c'])
    await store.chords.begin(groupId, 3)
    const args = await run(
      `
member(sys.argv[2], 1, {'one': 1}, 'body')
member(sys.argv[2], 0, ValueError('bad', 0), 'body')
print(json.dumps(published()))`,
      [groupId],
    )
    expect(args).toBeNull()
    expect(await releaseBy(store.chords, third as ChordMember)).toMatchObject([
      {
        taskId: `${groupId}-0`,
        status: 'FAILURE',
        result: { excType: 'ValueError', excModule: 'builtins', excMessage: ['bad', 0] },
      },
      { taskId: `${groupId}-1`, status: 'SUCCESS', result: { one: 1 } },
      { status: 'SUCCESS', result: 'c' },
    ])
  })

  test('a failure of ours fails the body that Python releases, and says which', async () => {
    const store = await open()
    const groupId = freshId()
    const failed = failure(
      { excType: 'ValueError', excModule: 'builtins', excMessage: ['bad'] },
      null,
    )
    await run(`app.backend.set_chord_size(sys.argv[2], 2); print('null')`, [groupId])
    await store.chords.memberDone({ groupId, groupIndex: 0, result: failed }, NEVER)
    const seen = await run(
      `
member(sys.argv[2], 1, 'fine', sys.argv[2] + '-body')
result = app.AsyncResult(sys.argv[2] + '-body')
print(json.dumps([result.state, type(result.result).__name__, str(result.result)]))`,
      [groupId],
    )
    expect(seen).toEqual([
      'FAILURE',
      'ChordError',
      `Dependency ${failed.taskId} raised ValueError('bad')`,
    ])
  })

  test('a header with a group inside gives the body nested lists', async () => {
    const store = await open()
    const groupId = freshId()
    const [a, b, c] = ['a', 'b', 'c'].map((value) => success(value)) as [
      TaskResult,
      TaskResult,
      TaskResult,
    ]
    await run(
      `
from celery.result import GroupResult
inner = GroupResult('inner', [app.AsyncResult(sys.argv[3]), app.AsyncResult(sys.argv[4])], app=app)
app.backend.apply_chord((sys.argv[2], [inner, app.AsyncResult(sys.argv[5])]), body('body'))
app.backend.set_chord_size(sys.argv[2], 3)
print('null')`,
      [groupId, a.taskId, b.taskId, c.taskId],
    )
    await store.chords.memberDone({ groupId, groupIndex: 2, result: c }, NEVER)
    await store.chords.memberDone({ groupId, groupIndex: 0, result: a }, NEVER)
    const released = await releaseBy(store.chords, { groupId, groupIndex: 1, result: b })
    expect(released.map(({ result }) => result)).toEqual([['a', 'b'], 'c'])
  })

  function run<Value>(code: string, args: readonly string[]): Promise<Value> {
    return runPythonJson<Value>(APP + code, { python, args: [service('REDIS_URL'), ...args] })
  }
})

describe('with the newest Celery', () => {
  test('results compressed on one side are read on the other', async () => {
    const store = await open({ result_compression: 'zlib' })
    const [saved, theirs] = [success('x'.repeat(1000)), freshId()]
    await store.save(saved)
    const seen = await runPythonJson(
      `${APP}
app.conf.result_compression = 'gzip'
app.backend.store_result(sys.argv[3], 'y' * 1000, 'SUCCESS')
print(json.dumps(app.AsyncResult(sys.argv[2]).get(timeout=5)))`,
      { args: [service('REDIS_URL'), saved.taskId, theirs] },
    )
    expect(seen).toBe('x'.repeat(1000))
    expect((await store.get(theirs)).result).toBe('y'.repeat(1000))
  })

  test('a member that Python runs again after our release starts no second body', async () => {
    const store = await open()
    const [groupId, [, second]] = chordOf(['a', 'b'])
    await store.chords.begin(groupId, 2)
    const run = () =>
      runPythonJson(
        `${APP}
member(sys.argv[2], 0, 'python', 'body'); print(json.dumps(published()))`,
        { args: [service('REDIS_URL'), groupId] },
      )
    expect(await run()).toBeNull()
    await releaseBy(store.chords, second as ChordMember)
    expect(await run()).toBeNull()
  })

  test.each(['json', 'msgpack', 'yaml', 'pickle'])(
    'results written as %s are read on both sides',
    async (serializer) => {
      const store = await open({ result_serializer: serializer })
      const [saved, theirs, failed] = [success({ a: [1, 'é'] }), freshId(), freshId()]
      await store.save(saved)
      const seen = await runPythonJson(
        `${APP}
app.conf.update(result_serializer='${serializer}', accept_content=['json', 'msgpack', 'yaml', 'pickle'])
app.backend.store_result(sys.argv[3], {'b': [2.5, None]}, 'SUCCESS')
app.backend.mark_as_failure(sys.argv[4], KeyError('slug'))
print(json.dumps(app.AsyncResult(sys.argv[2]).get(timeout=5)))`,
        { args: [service('REDIS_URL'), saved.taskId, theirs, failed] },
      )
      expect(seen).toEqual({ a: [1, 'é'] })
      expect((await store.get(theirs)).result).toEqual({ b: [2.5, null] })
      expect((await store.get(failed)).result).toMatchObject({
        excType: 'KeyError',
        excMessage: ['slug'],
      })
    },
  )
})

async function open(settings: RedisStoreSettings = {}): Promise<RedisResultStore> {
  const store = await RedisResultStore.open({
    url: service('REDIS_URL'),
    settings: { result_expires: 600, ...settings },
  })
  onTestFinished(() => store.close())
  return store
}
