import { expect, test } from 'vitest'
import { treeLines } from '../../../src/cli/tasks/text/tree-lines.ts'
import type { Family } from '../../../src/monitor/queries/families.ts'
import type { FamilyMember, Mark } from '../../../src/monitor/queries/family-rows.ts'
import { spansOf } from '../../../src/monitor/queries/family-spans.ts'
import { allNodes, type TreeNode, treeOf } from '../../../src/monitor/queries/family-tree.ts'

test('the tree is as tasks were published, and shows what is to come of a chain', () => {
  const chain = [
    { id: 'zip', name: 'export.zip' },
    { id: 'mail', name: 'mail.send' },
  ]
  const root = member('root', { followUps: { chain }, ran: [0, 1, 3] })
  expect(shape(root)).toEqual({
    root: ['to come export.zip > mail.send'],
  })
  const zip = member('zip', { parentId: 'root', followUps: { chain: chain.slice(1) }, ran: [3, 4] })
  expect(shape(root, zip)).toEqual({ root: [{ zip: ['to come mail.send'] }] })
})

test('the body of a chord is shown once, however many members name it', () => {
  const chord = { id: 'body', name: 'export.total', size: 2 }
  const members = [
    member('root', { ran: [0, 1, 2] }),
    member('one', { parentId: 'root', followUps: { chord }, ran: [2, 3, 4] }),
    member('two', { parentId: 'root', followUps: { chord }, ran: [2, 3] }),
  ]
  expect(shape(...members)).toEqual({ root: [{ one: [] }, { two: ['to come export.total'] }] })
})

test('a chord within a chain, which Celery never publishes under its own id, is to come as long as its parts are', () => {
  const total = { id: 'total', name: 'export.total' }
  const steps = ['one', 'two'].map((id) => ({ id, name: 'export.part' }))
  const chord = { id: 'group', name: 'celery.chord', kind: 'chord' as const, steps, chord: total }
  const root = member('root', { followUps: { chain: [chord] }, ran: [0, 1, 2] })
  const part = (id: string) =>
    member(id, { parentId: 'root', followUps: { chord: total }, ran: [2, 3] })
  expect(shape(root)).toEqual({
    root: ['to come celery.chord > export.part > export.part > export.total'],
  })
  expect(shape(root, part('one'))).toEqual({
    root: [{ one: ['to come export.total'] }, 'to come celery.chord > export.part'],
  })
  const all = [root, part('one'), part('two')]
  expect(shape(...all)).toEqual({ root: [{ one: [] }, { two: ['to come export.total'] }] })
  expect(shape(...all, member('total', { parentId: 'two', ran: [3, 4] }))).toEqual({
    root: [{ one: [] }, { two: [{ total: [] }] }],
  })
})

test('a task that was replaced by a group comes after members that came after it, and is drawn once', () => {
  const root = member('root', { parentId: 'unlock', ran: [0, 9, 10] })
  const one = member('one', { parentId: 'root', ran: [1, 2, 3] })
  const unlock = member('unlock', { parentId: 'root', name: 'celery.chord_unlock', ran: [1, 4, 5] })
  expect(shape(root, one, unlock)).toEqual({ root: [{ one: [] }, { unlock: [] }] })
  const loop = [member('a', { parentId: 'b', ran: [1] }), member('b', { parentId: 'a', ran: [2] })]
  expect(shape(...loop)).toEqual({ a: [{ b: [] }] })
})

test('errbacks of a task that succeeded never come, and nothing that follows a failure does', () => {
  const errbacks = [{ id: 'e', name: 'mail.failed' }]
  const chain = [{ id: 'next', name: 'export.next' }]
  expect(shape(member('done', { followUps: { errbacks }, ran: [0, 1, 2] }))).toEqual({ done: [] })
  const failed = member('failed', {
    followUps: { errbacks, chain },
    status: 'FAILURE',
    ran: [0, 1, 2],
  })
  const lines = draw([failed])
  expect(lines).toContainEqual(expect.stringMatching(/├─ export\.next\s+never/))
  expect(lines).toContainEqual(expect.stringMatching(/└─ mail\.failed \(errback\)\s+to come/))
})

test('the critical path goes back from the last end through those that ended last before it', () => {
  const chord = { id: 'body', name: 'export.total', size: 2 }
  const tree = treeOf(
    whole,
    [
      member('root', { ran: [0, 1, 2] }),
      member('fast', { parentId: 'root', followUps: { chord }, ran: [2, 3, 4] }),
      member('slow', { parentId: 'root', followUps: { chord }, ran: [2, 3, 9] }),
      member('body', { parentId: 'fast', ran: [9, 10, 11] }),
      member('unlock', { parentId: 'root', name: 'celery.chord_unlock', ran: [2, 3, 20] }),
    ],
    [],
  )
  expect(tree.criticalPath).toEqual(['root', 'slow', 'body'])
})

test('a chain ends with its last step, though the step before it reported its end later', () => {
  const tree = treeOf(
    whole,
    [
      member('root', {
        followUps: { chain: [{ id: 'next', name: 'export.next' }] },
        ran: [0, 1, 9],
      }),
      member('next', { parentId: 'root', ran: [7, 7, 8] }),
    ],
    [],
  )
  expect(tree.criticalPath).toEqual(['root', 'next'])
})

test('while a family is not over, its critical path leads to what has gone on for longest', () => {
  const members = [
    member('root', { ran: [0, 1, 2] }),
    member('old', { parentId: 'root', ran: [2, 3] }),
    member('new', { parentId: 'root', ran: [2, 5] }),
  ]
  expect(treeOf(whole, members, []).criticalPath).toEqual(['root', 'old'])
})

test('a task that was retried waited, ran, waited for its retry, and ran again', () => {
  const task = member('task', { ran: [0, 5, 7] })
  const marks: Mark[] = [
    mark('started', 1),
    mark('retried', 2),
    mark('retried', 3),
    mark('received', 4),
  ]
  expect(spansOf(task, marks)).toEqual([
    { kind: 'waiting', from: at(0), to: at(1) },
    { kind: 'running', from: at(1), to: at(2) },
    { kind: 'retry', from: at(2), to: at(5) },
    { kind: 'running', from: at(5), to: at(7) },
  ])
})

test('what goes on has no end, what will never run does not go on', () => {
  expect(spansOf(member('task', { ran: [0] }), [])).toEqual([
    { kind: 'waiting', from: at(0), to: null },
  ])
  expect(spansOf(member('task', { ran: [0], status: 'EXPIRED' }), [])).toEqual([])
})

test('a family is drawn with a bar for each task, and summed up', () => {
  const members = [
    member('root', { ran: [0, 10, 20] }),
    member('child', { parentId: 'root', ran: [20, 30, 40] }),
    member('grandchild', { parentId: 'child', ran: [20, 20, 40] }),
    member('sibling', { parentId: 'root', ran: [20, 30] }),
  ]
  expect(draw(members)).toEqual([
    '● export.root              SUCCESS  ░░░░░░░░░░██████████                      waited 10.0 s, ran 10.0 s  root',
    '  ├─ export.child          SUCCESS                      ░░░░░░░░░░██████████  waited 10.0 s, ran 10.0 s  child',
    '  │  └─ export.grandchild  SUCCESS                      ████████████████████  ran 20.0 s                 grandchild',
    '● └─ export.sibling        STARTED                      ░░░░░░░░░░██████████  waited 10.0 s, ran 10.0 s  sibling',
    '',
    'STARTED: 4 tasks, 1 to come; 40.0 s in all; waited 30.0 s, ran 50.0 s',
    '● critical path: 2 of 4; █ ran, ░ waited, ▒ between retries',
  ])
})

test.each([
  ['the oldest first', (members: readonly FamilyMember[]) => members],
  ['the newest first', (members: readonly FamilyMember[]) => members.toReversed()],
])('a chain of thousands of tasks is drawn, and cut below 500 levels, %s', (_, order) => {
  const ids = Array.from({ length: 5_000 }, (_, n) => (n === 0 ? 'root' : `step-${n}`))
  const members = ids.map((id, n) =>
    member(id, { parentId: ids[n - 1] ?? null, ran: [n, n, n + 1] }),
  )
  const tree = treeOf(whole, order(members), [])
  expect(tree.roots.map(({ task }) => task.taskId).sort()).toEqual(
    ['root', ...ids.filter((_, n) => n > 0 && n % 500 === 0)].sort(),
  )
  expect(new Set(allNodes(tree.roots).map(({ task }) => task.taskId))).toEqual(new Set(ids))
  expect(draw(order(members)).filter((line) => /step-\d+$/.test(line))).toHaveLength(4_999)
  expect(JSON.stringify(tree).length).toBeGreaterThan(5_000)
})

test('a narrow terminal gets no bars', () => {
  const members = [member('root', { ran: [0, 10, 20] })]
  const [line] = treeLines(treeOf(whole, members, [], { at: at(40) }), {
    width: 60,
    isColoured: false,
  })
  expect(line).not.toMatch(/[░█]/)
})

const whole: Family = {
  rootId: 'root',
  name: 'export.root',
  overallStatus: 'STARTED',
  overallResults: [],
  tasks: 4,
  statuses: {},
  pendingSteps: 1,
  publishedAt: at(0),
  startedAt: at(0),
  finishedAt: null,
  spanMs: 40_000,
  creatorId: null,
  relatedType: null,
  relatedId: null,
}

interface Given extends Partial<FamilyMember> {
  /** Seconds: published, started, finished. */
  readonly ran: readonly [number, number?, number?]
}

function member(taskId: string, { ran, ...given }: Given): FamilyMember {
  const [published, started, finished] = ran
  const time = (second: number | undefined) => (second === undefined ? null : at(second))
  const open = started === undefined ? 'PENDING' : 'STARTED'
  return {
    taskId,
    name: `export.${taskId}`,
    status: finished === undefined ? open : 'SUCCESS',
    queue: 'export',
    routingKey: 'export',
    retries: 0,
    rootId: 'root',
    parentId: null,
    eta: null,
    publishedAt: time(published),
    receivedAt: null,
    startedAt: time(started),
    finishedAt: time(finished),
    stateAt: null,
    runtimeMs: null,
    worker: null,
    isUnrouted: false,
    groupId: null,
    followUps: null,
    ...given,
  }
}

function mark(kind: Mark['kind'], second: number): Mark {
  return { taskId: 'task', kind, at: at(second) }
}

function at(second: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + second * 1_000)
}

function draw(members: readonly FamilyMember[]): string[] {
  return treeLines(treeOf(whole, members, [], { at: at(40) }), { width: 141, isColoured: false })
}

/** Ids as they hang below each other, with what is to come as text. */
function shape(...members: FamilyMember[]): Record<string, unknown> {
  const of = ({ task, children, pending }: TreeNode): Record<string, unknown> => ({
    [task.taskId]: [...children.map(of), ...pending.map((step) => `to come ${namesOf(step)}`)],
  })
  return Object.assign({}, ...treeOf(whole, members, []).roots.map(of))
}

function namesOf({ name, steps }: TreeNode['pending'][number]): string {
  return [name, ...steps.map(namesOf)].join(' > ')
}
