import { expect, test } from 'vitest'
import { kindOf } from '../../src/protocol/signature-tree/kinds.ts'
import { optionsOf } from '../../src/protocol/signature-tree/options.ts'
import { mapParts } from '../../src/protocol/signature-tree/parts.ts'
import { checkBounds, MOST_DEPTH, mapTasks, visit } from '../../src/protocol/signature-tree/walk.ts'
import { signatureDict } from '../../src/protocol/signatures.ts'
import type { SignatureDict } from '../../src/protocol/task-request.ts'

const task = (name: string, options = {}): SignatureDict => signatureDict({ task: name, options })
const whole = (kind: 'chain' | 'group', tasks: readonly SignatureDict[], options = {}) =>
  signatureDict({ task: `celery.${kind}`, kwargs: { tasks }, options, subtask_type: kind })
const chordOf = (header: unknown, body: SignatureDict, options = {}) =>
  signatureDict({ task: 'celery.chord', kwargs: { header, body }, options, subtask_type: 'chord' })

test.each([
  ['task', task('export.pdf')],
  ['chain', whole('chain', [])],
  ['group', { ...whole('group', []), subtask_type: null }],
  ['chord', chordOf([], task('b'))],
  ['map', task('celery.map')],
  ['starmap', task('celery.starmap')],
  ['chunks', task('celery.chunks')],
])('the kind of a signature is read from what it says of itself: %s', (kind, dict) => {
  expect(kindOf(dict)).toBe(kind)
})

test('a visit shows each signature of a workflow once, with its position, those in options among them', () => {
  const seen: string[] = []
  const dict = whole('chain', [
    task('first', { link: task('callback'), link_error: [task('errback')] }),
    chordOf(
      whole('group', [task('member', { chord: task('outer') })]),
      task('body', { chain: [task('rest')] }),
    ),
  ])
  visit(dict, (signature, position) => seen.push(`${position} ${signature.task}`))
  expect(seen).toEqual([
    'root celery.chain',
    'step first',
    'link callback',
    'link_error errback',
    'step celery.chord',
    'header member',
    'chord outer',
    'body body',
    'chain rest',
  ])
})

test('a map changes every task, and leaves a header that is a list one', () => {
  const dict = chordOf([task('a')], whole('chain', [task('b'), task('c')]))
  const named = mapTasks(dict, (one) => ({ ...one, task: one.task.toUpperCase() }))
  expect(named.kwargs.header).toMatchObject([{ task: 'A' }])
  expect(named.kwargs.body).toMatchObject({ kwargs: { tasks: [{ task: 'B' }, { task: 'C' }] } })
  const parts = mapParts(dict, (part, place) => ({ ...part, task: place }))
  expect(parts.kwargs).toMatchObject({ header: [{ task: 'header' }], body: { task: 'body' } })
})

test('a workflow that nests deeper than anything that can be started is refused, by map and visit alike', () => {
  let dict = task('innermost')
  for (let depth = 0; depth <= MOST_DEPTH; depth += 1) dict = whole('chain', [dict])
  expect(() => checkBounds(dict)).toThrow(`nests deeper than ${MOST_DEPTH} signatures`)
  expect(() => mapTasks(dict, (one) => one)).toThrow(`nests deeper than ${MOST_DEPTH} signatures`)
})

test('options are read by what each is for; links and steps behind add up with those of the call', () => {
  const dict = whole('group', [], {
    link: task('own'),
    link_error: [task('errback')],
    chain: [task('later')],
    task_id: 'group-id',
    group_id: 'outer',
    group_index: 3,
    chord: task('body'),
    queue: 'slow',
    priority: 4,
    headers: { tenant: 'acme' },
    is_vip: true,
  })
  const read = optionsOf(dict, { queue: 'fast', link: task('called'), chain: [task('last')] })
  expect(read).toMatchObject({
    call: { queue: 'fast' },
    inherited: { priority: 4, headers: { tenant: 'acme' } },
    link: [{ task: 'own' }, { task: 'called' }],
    linkError: [{ task: 'errback' }],
    chain: [{ task: 'last' }, { task: 'later' }],
    end: { taskId: 'group-id', groupId: 'outer', groupIndex: 3, chord: { task: 'body' } },
    extra: { is_vip: true },
  })
})
