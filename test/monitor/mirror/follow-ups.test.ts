import { expect, test } from 'vitest'
import { followUpsOf } from '../../../src/monitor/mirror/follow-ups.ts'
import { readEmbed } from '../../../src/protocol/tasks/embed.ts'
import type { Embed } from '../../../src/protocol/tasks/task-request.ts'

const NONE: Embed = { callbacks: null, errbacks: null, chain: null, chord: null }

test('a task that nothing follows has no follow-ups', () => {
  expect(followUpsOf(NONE)).toBeNull()
  expect(followUpsOf({ ...NONE, callbacks: [], chain: [] })).toBeNull()
})

test('the rest of a chain is in the order in which it will run, with the ids it will have', () => {
  const chain = [step('mail.send', 'c3'), step('export.zip', 'c2')]
  expect(read({ chain })).toEqual({
    chain: [
      { id: 'c2', name: 'export.zip' },
      { id: 'c3', name: 'mail.send' },
    ],
  })
})

test('callbacks, errbacks and the body of a chord are distinguished', () => {
  const chord = { ...step('export.total', 'body'), chord_size: 3 }
  expect(
    read({ callbacks: [step('mail.done')], errbacks: [step('mail.failed', 'e1')], chord }),
  ).toEqual({
    chord: { id: 'body', name: 'export.total', size: 3 },
    callbacks: [{ name: 'mail.done' }],
    errbacks: [{ id: 'e1', name: 'mail.failed' }],
  })
})

test('groups and chords within a chain show what they are made of', () => {
  const members = [step('export.a', 'a'), step('export.b', 'b')]
  const group = { ...step('celery.group'), kwargs: { tasks: members }, subtask_type: 'group' }
  const chord = {
    ...step('celery.chord'),
    kwargs: { header: group, body: step('export.total', 'body') },
    subtask_type: 'chord',
  }
  const parts = [
    { id: 'a', name: 'export.a' },
    { id: 'b', name: 'export.b' },
  ]
  expect(read({ chain: [chord, group] })).toEqual({
    chain: [
      { name: 'celery.group', kind: 'group', steps: parts },
      {
        name: 'celery.chord',
        kind: 'chord',
        steps: parts,
        size: 2,
        chord: { id: 'body', name: 'export.total' },
      },
    ],
  })
})

test('what follows a step is shown as well', () => {
  const last = step('export.zip', 'z', { link: [step('mail.done', 'm')], chord: step('sum', 's') })
  expect(read({ chain: [last] })).toEqual({
    chain: [
      {
        id: 'z',
        name: 'export.zip',
        chord: { id: 's', name: 'sum' },
        callbacks: [{ id: 'm', name: 'mail.done' }],
      },
    ],
  })
})

test('a long or deep workflow is cut short, and how much of it is missing is shown', () => {
  const chain = Array.from({ length: 130 }, (_, index) => step('export.page', `p${index}`))
  const cut = read({ chain })
  expect([cut?.chain?.length, cut?.chain?.[0]?.id, cut?.more]).toEqual([100, 'p129', 30])
  let deep = step('export.end')
  for (let depth = 0; depth < 50; depth += 1) deep = step('export.step', 'd', { link: deep })
  expect(read({ callbacks: [deep] })?.more).toBe(1)
})

test('workflows are known by the names of their tasks too, and parts that cannot be read are left out', () => {
  const group = { ...step('celery.group', 'g'), kwargs: { tasks: [step('export.a', 'a')] } }
  const broken = { ...step('celery.chain', 'c'), kwargs: { tasks: [{ task: 5 }] } }
  const callbacks = [group, broken, { args: [] }]
  expect(followUpsOf({ ...NONE, callbacks: callbacks as never })).toEqual({
    callbacks: [
      { id: 'g', name: 'celery.group', kind: 'group', steps: [{ id: 'a', name: 'export.a' }] },
      { id: 'c', name: 'celery.chain', kind: 'chain', steps: [] },
    ],
  })
})

function step(task: string, id?: string, options: Record<string, unknown> = {}) {
  const known = id === undefined ? {} : { task_id: id }
  return {
    task,
    args: [],
    kwargs: {},
    options: { ...known, ...options },
    subtask_type: null,
    immutable: false,
  }
}

/** As it comes with a message. */
function read(embed: Readonly<Record<string, unknown>>) {
  return followUpsOf(readEmbed({ ...NONE, ...embed }).embed)
}
