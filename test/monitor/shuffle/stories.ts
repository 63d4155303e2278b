import type { TaskCall } from '../../../src/protocol/tasks/task-request.ts'
import type { StoryRecord } from './record.ts'

const TRACEBACK = 'Traceback (most recent call last):\nValueError: no good\n'
const ERROR = { exc_type: 'ValueError', exc_message: ['no good'], exc_module: 'builtins' }
const STEP = {
  task: 'export.next',
  args: [],
  kwargs: {},
  options: {},
  subtask_type: null,
  immutable: false,
}

/** One after the other, each published by the one before. */
function chain(story: StoryRecord): void {
  const ids = [1, 2, 3].map(() => story.newId('chain'))
  ids.forEach((id, at) => {
    const rest = ids.slice(at + 1).map((next) => ({ ...STEP, options: { task_id: next } }))
    const parent = at === 0 ? {} : { parentId: ids[at - 1] ?? null }
    story.publish({ id, rootId: ids[0] ?? id, args: [at], chain: rest.reverse(), ...parent })
    run(story, id, { rootId: ids[0] ?? id })
  })
}

/** Members, whose results are the arguments of a body. */
function chord(story: StoryRecord): void {
  const [group, body] = [story.newId('group'), story.newId('body')]
  const members = [1, 2, 3].map(() => story.newId('member'))
  const call = { rootId: members[0] ?? '', group, chord: { ...STEP, options: { task_id: body } } }
  members.forEach((id, at) => {
    story.publish({ ...call, id, groupIndex: at, headers: { is_result: at === 0, creator_id: 7 } })
  })
  for (const id of story.random.shuffled(members)) run(story, id, call)
  story.publish({ id: body, args: [[1, 2, 3]], rootId: call.rootId, parentId: members[0] ?? null })
  run(story, body, call)
}

/** Fails, and is published again under its own id, until it does not, or there were too many. */
function retried(story: StoryRecord): void {
  const id = story.newId('retried')
  const most = story.random.integer(1, 3)
  for (let retries = 0; retries < most; retries += 1) {
    attempt(story, { id, retries, ...(retries > 0 && { parentId: id }) })
    const exception = "Retry(Retry(...), ValueError('no good'), 1)"
    story.tell('task-retried', { uuid: id, exception, traceback: TRACEBACK })
  }
  attempt(story, { id, retries: most, parentId: id })
  end(story, id, story.random.chance(0.5))
}

function attempt(story: StoryRecord, call: Partial<TaskCall> & { readonly id: string }): void {
  const eta = new Date(Math.floor(story.nowMs) + 1000).toISOString()
  story.publish({ ...call, ...(call.retries !== 0 && { eta }) })
  receive(story, call.id, { retries: call.retries ?? 0, parent_id: call.parentId ?? null })
  story.tell('task-started', { uuid: call.id })
}

/** Never run: too late, or called off. */
function revoked(story: StoryRecord): void {
  const id = story.newId('revoked')
  const expired = story.random.chance(0.5)
  story.publish({ id, ...(expired && { expires: new Date(story.nowMs).toISOString() }) })
  receive(story, id)
  story.tell('task-revoked', {
    uuid: id,
    terminated: !expired,
    signum: expired ? null : '15',
    expired,
  })
  const why = expired ? 'expired' : 'terminated'
  story.store(id, 'REVOKED', {
    exc_type: 'TaskRevokedError',
    exc_message: [why],
    exc_module: 'celery.exceptions',
  })
}

/** Published past the exchange: nothing but events tells of it. */
function unmirrored(story: StoryRecord): void {
  const id = story.newId('unmirrored')
  if (story.random.chance(0.7)) {
    const route = { queue: 'celery', exchange: '', routing_key: 'celery' }
    const call = {
      name: 'py.add',
      args: '(1, 2)',
      kwargs: '{}',
      retries: 0,
      root_id: id,
      parent_id: null,
    }
    story.tell('task-sent', { uuid: id, ...call, ...route }, { worker: 'gen1@host' })
  }
  run(story, id)
}

/** Where the broker has no exchange for events, they carry the outcome, and come with the copies. */
function outcomes(story: StoryRecord): void {
  const id = story.newId('outcome')
  const platform = { platform: true }
  story.publish({ id, args: [id] })
  story.tell('task-received', { uuid: id, name: 'export.add', retries: 0 }, platform)
  story.tell('task-started', { uuid: id }, platform)
  const [status, result] = story.random.chance(0.7) ? ['SUCCESS', { id }] : ['FAILURE', ERROR]
  const outcome = {
    status,
    result,
    traceback: status === 'SUCCESS' ? null : TRACEBACK,
    date_done: null,
  }
  const type = status === 'SUCCESS' ? 'task-succeeded' : 'task-failed'
  story.tell(type, { uuid: id, runtime: 0.25, outcome }, platform)
}

/** Not over yet, one way or another. */
function unfinished(story: StoryRecord): void {
  const id = story.newId('unfinished')
  const steps = story.random.integer(0, 4)
  const nowhere = { exchange: 'task_exchange', routingKey: 'nobody' }
  if (steps === 4) {
    story.publish({ id }, nowhere)
    return
  }
  story.publish({ id, ...(steps === 0 && { eta: '2099-01-01T00:00:00+00:00' }) })
  if (steps > 1) receive(story, id)
  if (steps > 2) story.tell('task-started', { uuid: id })
}

/** Its worker was cut off, so another one ran it, too. */
function redelivered(story: StoryRecord): void {
  const id = story.newId('redelivered')
  story.publish({ id })
  if (story.random.chance(0.5)) {
    receive(story, id, {}, 'w2@host')
    story.tell('task-started', { uuid: id }, { worker: 'w2@host' })
    const fate = story.random.one(['task-cancelled', 'task-rejected', 'task-succeeded'])
    story.tell(fate, { uuid: id, requeue: true, runtime: 1 }, { worker: 'w2@host' })
  }
  run(story, id, {}, 'w3@host')
  if (story.random.chance(0.3)) story.tell('task-rejected', { uuid: id, requeue: false })
}

/** Two calls under one id: a mistake, or a task that replaced itself. */
function doubled(story: StoryRecord): void {
  const id = story.newId('doubled')
  story.publish({ id, args: ['one'] })
  story.publish({ id, args: ['two'], replacedTaskNesting: story.random.integer(0, 1) })
  run(story, id)
}

/** Workers, strangers, and what nobody can read. */
function noise(story: StoryRecord): void {
  const worker = `w${story.random.integer(1, 3)}@host`
  const fields = {
    freq: 2,
    active: story.random.integer(0, 9),
    processed: 3,
    loadavg: [0.5, 0.25, 1],
  }
  const software = { sw_ident: 'py-celery', sw_ver: '5.6.2', sw_sys: 'Linux' }
  const type = story.random.one(['worker-online', 'worker-heartbeat', 'worker-offline'])
  story.sign(type, { ...fields, ...software }, worker)
  story.tell('invoice-paid', { amount: story.random.integer(1, 99) })
  if (story.random.chance(0.1)) story.tell('task-started', { hint: 'it names no task' })
}

export const STORIES = [
  chain,
  chord,
  retried,
  revoked,
  unmirrored,
  outcomes,
  unfinished,
  redelivered,
  doubled,
  noise,
] as const

function run(
  story: StoryRecord,
  id: string,
  family: Partial<TaskCall> = {},
  worker = 'w1@host',
): void {
  receive(story, id, { root_id: family.rootId ?? id }, worker)
  story.tell('task-started', { uuid: id }, { worker })
  end(story, id, story.random.chance(0.8), worker)
}

function receive(story: StoryRecord, id: string, fields: object = {}, worker = 'w1@host'): void {
  const call = {
    name: 'export.add',
    args: '(1, 2)',
    kwargs: '{}',
    root_id: id,
    parent_id: null,
    retries: 0,
  }
  story.tell(
    'task-received',
    { uuid: id, ...call, eta: null, expires: null, ...fields },
    { worker },
  )
}

function end(story: StoryRecord, id: string, isFine: boolean, worker = 'w1@host'): void {
  if (isFine) {
    story.tell(
      'task-succeeded',
      { uuid: id, result: '3', runtime: story.random.integer(1, 99) / 8 },
      { worker },
    )
    story.store(id, 'SUCCESS', { sum: 3, of: id })
  } else {
    story.tell(
      'task-failed',
      { uuid: id, exception: "ValueError('no good')", traceback: TRACEBACK },
      { worker },
    )
    story.store(id, 'FAILURE', ERROR, TRACEBACK)
  }
}
