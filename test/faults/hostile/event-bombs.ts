import { deflateSync } from 'node:zlib'
import type { Message } from '../../../src/protocol/message.ts'
import { keys, withBody } from './bombs.ts'

const MORE_THAN_READ = 250_000

export interface EventBomb {
  readonly name: string
  readonly message: Message
  /** Of its body, expanded. */
  readonly bytes: number
}

/** Messages of events, and commands of remote control, that are as large: each is sent as both. */
export function eventBombs(bytes: number): readonly EventBomb[] {
  const texts: Readonly<Record<string, string>> = {
    'an event with a long result': event(`"result": "${'a'.repeat(bytes)}"`),
    'an event with lists of one number': event(
      `"outcome": {"status": "SUCCESS", "result": [${'[0],'.repeat(bytes / 4)}0]}`,
    ),
    'an event of keys of which each is another': event(`${keys(bytes / 17)}"z": 1`),
    'an event with a long traceback': event(
      `"exception": "E('${'a'.repeat(bytes / 2)}')", "traceback": "${'  File\\n'.repeat(bytes / 16)}"`,
      'task-failed',
    ),
    'a list of events': `[${`${event('"result": "1"')},`.repeat(bytes / 110)}1]`,
    'a command with keys of which each is another': command('revoke', `${keys(bytes / 17)}"z": 1`),
    'one id to revoke, a million times': command(
      'revoke',
      `"task_id": [${'"an id of a task",'.repeat(bytes / 18)}"x"]`,
    ),
    'more ids to revoke than are read': command(
      'revoke',
      `"task_id": [${ids(Math.max(MORE_THAN_READ, bytes / 39))}"x"]`,
    ),
    'ids to revoke': command('revoke', `"task_id": [${ids(bytes / 400)}"x"]`),
    'stamps to revoke': command(
      'revoke_by_stamped_headers',
      `"headers": {"stamp": [${ids(bytes / 400)}"x"]}`,
    ),
    'a long text to revoke': command('revoke', `"task_id": "${'a'.repeat(bytes)}"`),
    'a long name of a command': `{"method": "${'a'.repeat(bytes)}"}`,
    blanks: ' '.repeat(bytes),
    digits: '1'.repeat(bytes),
  }
  return Object.entries(texts).map(([name, text]) => ({
    name,
    message: withBody('x', deflateSync(text), { compression: 'application/x-gzip' }),
    bytes: text.length,
  }))
}

/** A worker says one of these of each that comes as a command. */
export const ANSWERED =
  /"(cannot handle a remote control command|no such command of remote control|a command of remote control failed|tasks revoked|tasks with these stamps are revoked)"/g

function event(fields: string, type = 'task-succeeded'): string {
  return `{"type": "${type}", "uuid": "x", "hostname": "h", "timestamp": 1795890000, ${fields}}`
}

function command(method: string, args: string): string {
  const reply = '"ticket": "t", "reply_to": {"exchange": "", "routing_key": "nowhere"}'
  return `{"method": "${method}", "arguments": {${args}}, ${reply}}`
}

function ids(count: number): string {
  return Array.from(
    { length: count },
    (_, at) => `"4bc5b52f-3a7e-4bd6-8d26-${String(at).padStart(12, '0')}",`,
  ).join('')
}
