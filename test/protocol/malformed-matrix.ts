import type { Headers, Message } from '../../src/protocol/message.ts'
import type { TaskRequest } from '../../src/protocol/tasks/task-request.ts'
import { propertiesOf, readRecording } from './recorded.ts'

/** A message that is not as it should be, and what a Python worker did with it. */
export interface MalformedCase {
  readonly label: string
  readonly body: unknown
  readonly only_headers?: readonly string[]
  readonly changed_headers?: Headers
  readonly changed_properties?: Readonly<Record<string, string | null>>
  readonly result?: { readonly status: string; readonly result?: unknown }
  readonly worker_alive: boolean
}

export type Expected =
  | { readonly accepted: Partial<TaskRequest> }
  | { readonly fault: RegExp }
  | { readonly refused: string; readonly because: RegExp }

const runs = (accepted: Partial<TaskRequest> = {}): Expected => ({ accepted })
const fails = (fault: RegExp): Expected => ({ fault })
const invalid = (because: RegExp): Expected => ({ refused: 'MESSAGE_INVALID', because })
const undecodable = (because: RegExp): Expected => ({ refused: 'MESSAGE_UNDECODABLE', because })
const disallowed = (because: RegExp): Expected => ({ refused: 'CONTENT_DISALLOWED', because })
const unknown = (because: RegExp): Expected => ({ refused: 'MESSAGE_UNKNOWN', because })

const ADD = { args: [1, 2], kwargs: {} }

/** What we do with each message of the recorded matrix; docs/protocol.md tells it in words. */
export const EXPECTED: Readonly<Record<string, Expected>> = {
  'reference message, lang=js': runs({ ...ADD, lang: 'js', protocol: 2 }),
  'only headers lang, task, id': runs({ ...ADD, retries: 0, timeLimit: null, stamps: {} }),
  'only headers task, id': runs({ ...ADD, lang: null, rootId: null }),
  'no id header': invalid(/^id is missing/),
  'no task header, v2 body': unknown(/no task header/),
  'no headers at all, v2 body': unknown(/no task header/),
  'task header is a number': runs({ task: '42' }),
  'unregistered task': runs({ task: 'nope.nope' }),
  'id is a number': runs({ id: '12345' }),
  'no argsrepr / kwargsrepr': runs({ argsrepr: null, kwargsrepr: null }),
  'argsrepr null': runs({ argsrepr: null, kwargsrepr: null }),
  'argsrepr as list': runs({ argsrepr: '[ 1, 2 ]' }),
  'no timelimit': runs({ timeLimit: null, softTimeLimit: null }),
  'timelimit null': runs({ timeLimit: null, softTimeLimit: null }),
  'timelimit one element': invalid(/^timelimit is \[ null \], expected \[hard, soft\]/),
  'timelimit three elements': invalid(/^timelimit is \[ null, null, null \]/),
  'timelimit object': runs({ timeLimit: 10, softTimeLimit: 5 }),
  'timelimit number': invalid(/^timelimit is 10,/),
  'no retries': runs({ retries: 0 }),
  'retries null': runs({ retries: 0 }),
  'retries null on a task that calls retry()': runs({ retries: 0 }),
  'retries string on a task that calls retry()': runs({ retries: 0 }),
  'retries as double 1.0': runs({ retries: 1 }),
  'no root_id / parent_id / group': runs({ rootId: null, parentId: null, group: null }),
  'ignore_result null': runs({ ignoreResult: null }),
  'no ignore_result': runs({ ignoreResult: null }),
  'ignore_result true': runs({ ignoreResult: true }),
  'kwargs is a list': invalid(/^kwargs is \[\], expected an object/),
  'kwargs is null': invalid(/^kwargs is null, expected an object/),
  'args is null': fails(/^args is null, expected a list/),
  'args is an object': runs({ args: ['0', '1'] }),
  'args is a string': runs({ args: ['a', 'b'] }),
  'embed is {}': runs({ callbacks: null, errbacks: null, chain: null, chord: null }),
  'embed is null': runs({ callbacks: null, errbacks: null, chain: null, chord: null }),
  'embed is null, failing task': runs({ errbacks: null }),
  'embed is a list': runs({ callbacks: null, errbacks: null, chain: null, chord: null }),
  'two element body': invalid(/^body is .*expected a list of three/),
  'four element body': invalid(/^body is .*expected a list of three/),
  'body is an object without args': invalid(/^body is \{ x: 1 \}, expected a list of three/),
  'body is a string': invalid(/^body is 'hello', expected a list of three/),
  'body is null': invalid(/^body is null, expected a list of three/),
  'empty body': undecodable(/./),
  'invalid JSON body': undecodable(/./),
  'invalid utf-8 in JSON body': undecodable(/UTF-8/),
  'unknown __type__ in JSON body': undecodable(/__type__ "nope"/),
  'callbacks is an object instead of a list': fails(/^callbacks is .*expected a list/),
  'callbacks []': runs({ callbacks: [] }),
  'callback without options': fails(/^callbacks\[0\]\.options is missing/),
  'callback without immutable': runs({ callbacks: [mulBy10()] }),
  'callback without subtask_type': runs({ callbacks: [mulBy10()] }),
  'callback without args': fails(/^callbacks\[0\]\.args is missing/),
  'callback without kwargs': runs({ callbacks: [mulBy10()] }),
  'callback with only task': fails(/^callbacks\[0\]\.args is missing/),
  'chain step with only task': fails(/^chain\[0\]\.args is missing/),
  'chain step options null': fails(/^chain\[0\]\.options is null/),
  'chain []': runs({ chain: [] }),
  'chord without group header (rpc backend)': runs({ chord: mulBy10(), group: null }),
  'eta with Z and milliseconds in the past': runs({ eta: '2001-02-03T04:05:06.789Z' }),
  'eta naive in the past': runs({ eta: '2001-02-03T04:05:06' }),
  'eta with +00:00': runs({ eta: '2001-02-03T04:05:06.123456+00:00' }),
  'eta date only': runs({ eta: '2001-02-03' }),
  'eta garbage': invalid(/^eta is 'Sat Feb 03 2001 04:05:06 GMT\+0000', expected an ISO 8601/),
  'eta epoch number': invalid(/^eta is 981173106, expected an ISO 8601/),
  'eta empty string': invalid(/^eta is '', expected an ISO 8601/),
  'eta far future year 9999': runs({ eta: '9999-12-31T23:59:59Z' }),
  'expires with Z in the future': runs({ expires: '2099-01-01T00:00:00Z' }),
  'expires with Z in the past': runs({ expires: '2001-01-01T00:00:00Z' }),
  'expires number': invalid(/^expires is 60, expected an ISO 8601/),
  'expires garbage': invalid(/^expires is 'soon', expected an ISO 8601/),
  'no correlation_id': runs({ correlationId: null }),
  'correlation_id differs from id': runs({ correlationId: 'other' }),
  'no reply_to': runs({ replyTo: null }),
  'content_type missing': disallowed(/^content_type is missing, expected one of: json/),
  'content_encoding missing': runs(ADD),
  'content_type with charset': disallowed(/^content_type is 'application\/json; charset=utf-8'/),
  'content_type upper case': disallowed(/^content_type is 'Application\/JSON'/),
  'content_type text/plain': disallowed(/^content_type is 'text\/plain'/),
  'content_encoding binary': runs(ADD),
  'content_encoding UTF-8': runs(ADD),
  'disallowed pickle content type': disallowed(/^content_type is pickle, which is never executed/),
  'disallowed yaml content type': disallowed(/^content_type is 'application\/x-yaml'/),
  'unknown content type': disallowed(/^content_type is 'application\/foo'/),
  'unknown compression header': undecodable(/application\/foo/),
  'compression header but plain body': undecodable(/./),
  'stamped_headers without stamps': runs({ stampedHeaders: ['tenant'], stamps: {} }),
  'stamps without stamped_headers': runs({ stampedHeaders: null, stamps: { tenant: 'acme' } }),
  'stamps null': runs({ stampedHeaders: null, stamps: {} }),
  'unknown extra headers': runs(ADD),
  'group_index string': runs({ group: 'g', groupIndex: 0 }),
  'protocol 1: task and id only': runs({ protocol: 1, id: 'v1', args: [], kwargs: {} }),
  'protocol 1: no id': runs({ protocol: 1, id: 'correlation-1' }),
  'protocol 1: kwargs list': invalid(/^kwargs is \[\], expected an object/),
  'protocol 1: full': runs({ protocol: 1, id: 'v1', ...ADD, group: null }),
  'hybrid: v2 headers and v1 style body': runs({ protocol: 2, ...ADD, callbacks: null }),
  'JSON number NaN': runs({ args: [Number.NaN, 2] }),
  'shadow empty string': runs({ shadow: null }),
  'kwargs with unexpected keyword': runs({ args: [1], kwargs: { y: 2, z: 3 } }),
  'too many args': runs({ args: [1, 2, 3] }),
}

export function malformedCases(name = 'malformed-message-matrix'): readonly MalformedCase[] {
  return readRecording<{ cases: readonly MalformedCase[] }>(name).cases
}

export function messageOf(one: MalformedCase): Message {
  return { headers: headersOf(one), properties: changedProperties(one), body: bodyOf(one) }
}

function headersOf({
  label,
  only_headers: only,
  changed_headers: changed = {},
}: MalformedCase): Headers {
  if (label.startsWith('protocol 1') || label.startsWith('no headers')) return {}
  const headers = Object.entries({ ...BASE_HEADERS, ...changed })
  return Object.fromEntries(
    headers.filter(([name, value]) => value !== '<absent>' && (only?.includes(name) ?? true)),
  )
}

function changedProperties({ changed_properties: changed = {} }: MalformedCase) {
  const properties = Object.entries({ ...BASE_PROPERTIES, ...changed })
  const present = properties.filter((entry): entry is [string, string] => entry[1] !== null)
  return propertiesOf(Object.fromEntries(present))
}

/** Where the recording holds a text it is the body itself, but for the one that was a JSON text. */
function bodyOf({ label, body }: MalformedCase): Buffer {
  const isItself = typeof body === 'string' && label !== 'body is a string'
  return isItself ? Buffer.from(body, 'latin1') : Buffer.from(JSON.stringify(body))
}

export const BASE_HEADERS: Headers = {
  lang: 'js',
  task: 'proj.tasks.add',
  id: 'f1000000-0000-4000-8000-000000000001',
  shadow: null,
  eta: null,
  expires: null,
  group: null,
  group_index: null,
  retries: 0,
  timelimit: [null, null],
  root_id: 'f1000000-0000-4000-8000-000000000001',
  parent_id: null,
  argsrepr: '(1, 2)',
  kwargsrepr: '{}',
  origin: 'gen1@producer.example',
  ignore_result: false,
  replaced_task_nesting: 0,
  stamped_headers: null,
  stamps: {},
}

export const BASE_PROPERTIES = {
  content_type: 'application/json',
  content_encoding: 'utf-8',
  correlation_id: 'correlation-1',
  reply_to: 'replies',
}

function mulBy10() {
  return {
    task: 'proj.tasks.mul',
    args: [10],
    kwargs: {},
    options: {},
    subtask_type: null,
    immutable: false,
  }
}
