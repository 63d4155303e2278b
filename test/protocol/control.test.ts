import { expect, test } from 'vitest'
import {
  type ControlCommand,
  decodeCommand,
  decodeReply,
  encodeCommand,
  encodeReply,
  readCommand,
} from '../../src/protocol/control/control.ts'
import { isAddressedTo } from '../../src/protocol/control/control-address.ts'
import {
  commandRoute,
  mailboxTopology,
  replyTopology,
} from '../../src/protocol/control/control-topology.ts'
import { fixture, messageOf } from './recorded-control.ts'

const SETTINGS = {
  control_exchange: 'celery',
  control_queue_ttl: 300,
  control_queue_expires: 10,
  control_queue_durable: false,
}

const COMMANDS = [
  'control-revoke',
  'control-revoke-terminate',
  'control-revoke-by-stamped-headers',
  'control-rate-limit',
  'control-time-limit',
  'control-pattern',
  'control-unknown-command',
  'inspect-ping',
  'inspect-ping-destination',
  'inspect-hello',
]

test.each(COMMANDS)('the command "%s" is read and written as Python writes it', (name) => {
  const recorded = fixture(name).command
  const message = messageOf(recorded)
  const command = decodeCommand(message, ['json'])
  const { clock, expires } = message.headers as { clock: number; expires: number }
  const again = encodeCommand(command, { clock, expires }, 'json')
  expect(JSON.parse(again.body.toString())).toEqual(recorded.body_json)
  expect({ ...again, body: '' }).toEqual({ ...message, body: '' })
  expect(recorded).toMatchObject({
    exchange: commandRoute('celery').exchange,
    routing_key: commandRoute('celery').routingKey,
  })
})

test('an answer is read and written as Python writes it', () => {
  const [recorded] = fixture('inspect-ping').replies
  if (recorded === undefined) throw new Error('the fixture has no reply')
  const message = messageOf(recorded)
  const reply = decodeReply(message, ['json'])
  expect(reply.body).toEqual({ 'w1@worker.example': { ok: 'pong' } })
  const { clock } = message.headers as { clock: number }
  const again = encodeReply(reply.body, { ticket: reply.ticket ?? '', clock }, 'json')
  expect(JSON.parse(again.body.toString())).toEqual(recorded.body_json)
  expect({ ...again, body: '' }).toEqual({ ...message, body: '' })
})

test('exchanges and queues are declared as Python declares them', () => {
  const queue = {
    durable: false,
    exclusive: true,
    autoDelete: true,
    arguments: { 'x-expires': 10_000, 'x-message-ttl': 300_000 },
  }
  expect(mailboxTopology('w1@worker.example', SETTINGS)).toEqual({
    exchanges: [
      { name: 'celery.pidbox', type: 'fanout', durable: false, autoDelete: false, arguments: {} },
    ],
    queues: [{ name: 'w1@worker.example.celery.pidbox', ...queue }],
    bindings: [
      { exchange: 'celery.pidbox', queue: 'w1@worker.example.celery.pidbox', routingKey: '' },
    ],
  })
  expect(replyTopology('oid', SETTINGS)).toEqual({
    exchanges: [
      {
        name: 'reply.celery.pidbox',
        type: 'direct',
        durable: false,
        autoDelete: false,
        arguments: {},
      },
    ],
    queues: [{ name: 'oid.reply.celery.pidbox', ...queue }],
    bindings: [
      { exchange: 'reply.celery.pidbox', queue: 'oid.reply.celery.pidbox', routingKey: 'oid' },
    ],
  })
})

test.each<readonly [string, Partial<ControlCommand>, boolean]>([
  ['all workers', {}, true],
  ['this one', { destination: ['w1@host'] }, true],
  ['another', { destination: ['w2@host'] }, false],
  ['those of a glob', { pattern: 'w*@host', matcher: 'glob' }, true],
  ['those of a set', { pattern: 'w[0-3]@h?st', matcher: 'glob' }, true],
  ['those out of a set', { pattern: 'w[!1]@host', matcher: 'glob' }, false],
  ['those of a glob that is a part', { pattern: 'w1', matcher: 'glob' }, false],
  ['those of a dot', { pattern: 'w1@h.st', matcher: 'glob' }, false],
  ['those of an expression', { pattern: 'w\\d', matcher: 'pcre' }, true],
  ['those of an expression within', { pattern: 'host', matcher: 'pcre' }, false],
  ['nobody, by what cannot be read', { pattern: '(', matcher: 'pcre' }, false],
  ['all, by a pattern without a matcher', { pattern: 'x' }, true],
])('a command for %s', (_whom, address, isForIt) => {
  const everybody = { destination: null, pattern: null, matcher: null }
  expect(isAddressedTo({ ...everybody, ...address }, 'w1@host')).toBe(isForIt)
})

test.each([
  ['no JSON', Buffer.from('{')],
  ['no object', Buffer.from('[1]')],
  ['without a method', Buffer.from('{"arguments": {}}')],
])('a command that is %s is refused', (_what, body) => {
  const message = { ...messageOf(fixture('control-revoke').command), body }
  expect(() => decodeCommand(message, ['json'])).toThrow()
})

test('a command with more values than are carried out at once is refused by name', async () => {
  const task_id = Array.from({ length: 200_000 }, (_, at) => `an id of a task ${at}`)
  const body = Buffer.from(JSON.stringify({ method: 'revoke', arguments: { task_id } }))
  const message = { ...messageOf(fixture('control-revoke').command), body }
  await expect(readCommand(message, ['json'])).rejects.toThrow('a command may hold 200000 values')
})
