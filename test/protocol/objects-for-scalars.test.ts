import { describe, expect, test } from 'vitest'
import { ProtocolError, ResultError, TaskFailedError } from '../../src/errors.ts'
import { eventRecord } from '../../src/monitor/events/event-record.ts'
import { Privacy } from '../../src/monitor/privacy/privacy.ts'
import { decodeCommand } from '../../src/protocol/control/control.ts'
import type { Message } from '../../src/protocol/message.ts'
import { decodeResultMeta } from '../../src/protocol/results/result-meta.ts'
import { copiedFrom, takeBlindCopies } from '../../src/protocol/routing/mirror-copies.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { fieldsOf } from '../../src/recipes/record/run-events.ts'
import { delivery, EXPORT, read } from '../monitor/messages.ts'
import { COMMAND, EVENT, EVENT_TYPES, RESULT, spoiled, TASK } from './spoiled.ts'

function json(value: unknown): Message {
  return {
    headers: {},
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    body: Buffer.from(JSON.stringify(value)),
  }
}

function expectRefused(work: () => unknown, kind: typeof ProtocolError | typeof ResultError): void {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(kind)
  }
}

describe('an object in the place of a scalar', () => {
  const odd = { toString: 1, valueOf: 1 }

  test('in the exception of a result the caller gets that exception', () => {
    const failure = { taskId: 'x', state: 'FAILURE', excType: 'ValueError', excModule: 'builtins' }
    const error = new TaskFailedError({ ...failure, excArgs: ['no', odd], traceback: null })
    expect(error.message).toBe('ValueError: no, [object Object]')
  })

  test('in the route of a copy for the monitor it is no route, and in BCC no queue', () => {
    const message = { ...json(1), headers: { celery_toolbox_route: [odd, 'x'], BCC: [odd, 'q'] } }
    const copy = { message, route: EXPORT }
    expect(copiedFrom(copy)).toBe(copy)
    expect(takeBlindCopies(message).queues).toEqual(['q'])
  })

  test('in a message of a recipe its run is told of all the same', () => {
    const recipe = { 1: { service: odd, queue: odd }, start: [[1, odd]] }
    const message = { environment: { ID: 'run' }, recipe, payload: odd }
    for (const pointer of [1, odd]) {
      const fields = fieldsOf({ ...message, 'recipe-pointer': pointer, 'recipe-path': [odd, 1] })
      expect(fields).toMatchObject({ root_id: 'run', path: [Number.NaN, 1] })
    }
  })

  test('in a task message it is read, or refused by name', () => {
    const plain = encodeTask({ id: 'x', task: 'q.t', args: [1] })
    for (const headers of spoiled(TASK))
      expectRefused(() => decodeTask({ ...plain, headers }, ['json']), ProtocolError)
    for (const body of spoiled({
      ...TASK,
      args: [],
      kwargs: {},
      callbacks: [{ task: 't' }],
      chain: null,
      chord: { task: 't', args: [], options: {} },
    })) {
      expectRefused(() => decodeTask(json(body), ['json']), ProtocolError)
    }
  })

  test('in a task message the monitor has a row for it, or a problem', async () => {
    const plain = encodeTask({ id: 'x', task: 'q.t', args: [1] })
    for (const headers of spoiled(TASK)) {
      const row = await read({ ...plain, headers })
      expect(row.task !== null || row.problem !== null).toBe(true)
    }
  })

  test.each(EVENT_TYPES)(
    'in an event %s the monitor has rows for it, or a problem',
    async (type) => {
      for (const event of spoiled({ ...EVENT, type })) {
        const rows = await eventRecord(delivery(json(event), EXPORT), { privacy: new Privacy() })
        expect(
          rows.events.length + rows.workers.length + (rows.problem === null ? 0 : 1),
        ).toBeGreaterThan(0)
      }
    },
  )

  test('in a command of remote control it is read, or refused by name', () => {
    for (const command of spoiled(COMMAND))
      expectRefused(() => decodeCommand(json(command), ['json']), ProtocolError)
  })

  test('in a stored result it is read, or refused by name', () => {
    for (const result of spoiled(RESULT))
      expectRefused(() => decodeResultMeta(JSON.parse(JSON.stringify(result))), ResultError)
  })
})
