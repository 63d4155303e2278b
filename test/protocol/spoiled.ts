/** What String(), a template, a comparison or Number() cannot take. */
export const OBJECTS: readonly unknown[] = [
  { toString: 1, valueOf: 1 },
  { toString: null },
  { toJSON: 1, length: 1e9 },
  [{ toString: 1 }],
]

/** Every field of a task's message. */
export const TASK = {
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
export const EVENT = {
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
export const COMMAND = {
  method: 'revoke',
  arguments: {},
  destination: ['w'],
  pattern: 'p',
  matcher: 'glob',
  ticket: 't',
  reply_to: { exchange: 'e', routing_key: 'r' },
}
export const RESULT = {
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
export const EVENT_TYPES = [
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
export function* spoiled(
  whole: object,
  values: readonly unknown[] = OBJECTS,
): Generator<Record<string, unknown>> {
  for (const [key, value] of Object.entries(whole)) {
    for (const odd of values) yield { ...whole, [key]: odd }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    for (const inner of spoiled(value, values)) yield { ...whole, [key]: inner }
  }
}
