import { deflateSync } from 'node:zlib'
import type { Message } from '../../../src/protocol/message.ts'
import { withBody } from './bombs.ts'

/** A message that makes a hundred thousand tasks, or fails them. */
export interface ManySteps {
  readonly name: string
  /** Its body's, expanded. */
  readonly bytes: number
  readonly message: Message
  /** What the ids of its tasks begin with. */
  readonly prefix: string
}

export const STEPS = 100_000

type MakeStep = (id: string) => Readonly<Record<string, unknown>>

/** As Python writes it, and as short as it can be. */
const whole: MakeStep = (id) => ({
  task: 'hostile.take',
  args: [],
  kwargs: {},
  options: { task_id: id },
  subtask_type: null,
  immutable: false,
})
const short: MakeStep = (id) => ({ task: 'hostile.take', args: [], options: { task_id: id } })

/** What follows a task, by the task that it follows. */
const FOLLOWING: Readonly<Record<string, readonly [task: string, make: FollowUp]>> = {
  'a chain whose first step fails': ['hostile.fail', (id) => ({ chain: each(whole, id) })],
  'short steps behind one that fails': ['hostile.fail', (id) => ({ chain: each(short, id) })],
}

/** These run as tasks, which takes a minute each. */
const RUNNING: typeof FOLLOWING = {
  'callbacks of a task': ['hostile.take', (id) => ({ callbacks: each(short, id) })],
  'errbacks of a task that fails': ['hostile.fail', (id) => ({ errbacks: each(whole, id) })],
  'a group behind a task': ['hostile.take', (id) => ({ chain: [groupOf(each(whole, id))] })],
  'a chord behind a task': ['hostile.take', (id) => ({ chain: [chordOf(each(whole, id))] })],
}

type FollowUp = (prefix: string) => Readonly<Record<string, unknown>>

export function manySteps(isLong: boolean): ManySteps[] {
  const kinds = isLong ? { ...FOLLOWING, ...RUNNING } : FOLLOWING
  return Object.entries(kinds).map(([name, [task, follow]], at) => {
    const prefix = `steps-${at}-`
    const body = Buffer.from(JSON.stringify([[], {}, { ...EMPTY, ...follow(prefix) }]))
    const headers = { compression: 'application/x-gzip', task }
    const message = withBody(`many-${at}`, deflateSync(body), headers)
    return { name, bytes: body.length, message, prefix }
  })
}

const EMPTY = { callbacks: null, errbacks: null, chain: null, chord: null }

function each(make: MakeStep, prefix: string): readonly ReturnType<MakeStep>[] {
  return Array.from({ length: STEPS }, (_, at) => make(`${prefix}${at}`))
}

function groupOf(tasks: readonly unknown[]): Readonly<Record<string, unknown>> {
  return { ...whole('a-group'), task: 'celery.group', subtask_type: 'group', kwargs: { tasks } }
}

function chordOf(header: readonly unknown[]): Readonly<Record<string, unknown>> {
  const kwargs = { header, body: whole('a-body') }
  return { ...whole('a-chord'), task: 'celery.chord', subtask_type: 'chord', kwargs }
}
