import { describe, expect, test } from 'vitest'
import { ProtocolError, ResultError } from '../../src/errors.ts'
import { eventRecord } from '../../src/monitor/events/event-record.ts'
import { Privacy } from '../../src/monitor/privacy/privacy.ts'
import { decodeCommand } from '../../src/protocol/control/control.ts'
import type { Message } from '../../src/protocol/message.ts'
import { decodeResultMeta } from '../../src/protocol/results/result-meta.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { delivery, EXPORT, read } from '../monitor/messages.ts'

/** What String(), a template, a comparison or Number() cannot take. */
const OBJECTS: readonly unknown[] = [
  { toString: 1, valueOf: 1 },
  { toString: null },
  { toJSON: 1, length: 1e9 },
  [{ toString: 1 }],
]

const TASK = {
  id: 'x',
  task: 'q.t',
  lang: 'py',
  root_id: 'x',
  parent_id: 'p',
  group: 'g',
  group_index: 1,
  retries: 1,
  eta: null,
  expires: null,
  timelimit: [1, 2],
  origin: 'o',
  argsrepr: '()',
  kwargsrepr: '{}',
  shadow: 's',
  ignore_result: false,
  replaced_task_nesting: 0,
  stamped_headers: ['a'],
  stamps: { a: 1 },
  creator_id: 1,
  related_object_id: 2,
  is_result: true,
  replay_of: 'r',
  timestamp_in_ms: 1,
  compression: null,
}
const EVENT = {
  type: 'task-sent',
  uuid: 'x',
  hostname: 'h',
  timestamp: 1_795_890_000,
  clock: 1,
  pid: 1,
  utcoffset: 0,
  retries: 0,
  name: 'n',
  args: '()',
  kwargs: '{}',
  eta: null,
  expires: null,
  queue: 'q',
  exchange: 'e',
  routing_key: 'r',
  root_id: 'x',
  parent_id: 'p',
  runtime: 1,
  result: 'r',
  exception: 'E()',
  traceback: 't',
  signum: 1,
  terminated: true,
  expired: true,
  requeue: true,
  outcome: { status: 'SUCCESS', result: 1, traceback: 't' },
  freq: 2,
  active: 1,
  processed: 1,
  loadavg: [1],
  sw_ident: 's',
}
const COMMAND = {
  method: 'revoke',
  arguments: {},
  destination: ['w'],
  pattern: 'p',
  matcher: 'glob',
  ticket: 't',
  reply_to: { exchange: 'e', routing_key: 'r' },
}
const RESULT = {
  task_id: 'x',
  status: 'FAILURE',
  result: { exc_type: 'E', exc_message: ['m'], exc_module: 'm' },
  traceback: 't',
  children: [],
  date_done: '2031-02-03T04:05:06',
  group_id: 'g',
  parent_id: 'p',
  name: 'n',
  retries: 1,
  queue: 'q',
  worker: 'w',
}
const EVENT_TYPES = [
  'task-sent',
  'task-received',
  'task-started',
  'task-succeeded',
  'task-failed',
  'task-retried',
  'task-rejected',
  'task-revoked',
  'worker-online',
  'worker-heartbeat',
  'own-event',
]

/** Each field, and each field of a field, in turn, with an object in its place. */
function* spoiled(whole: object): Generator<Record<string, unknown>> {
  for (const [key, value] of Object.entries(whole)) {
    for (const odd of OBJECTS) yield { ...whole, [key]: odd }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    for (const inner of spoiled(value)) yield { ...whole, [key]: inner }
  }
}

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
