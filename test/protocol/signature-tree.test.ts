import { expect, test } from 'vitest'
import { kindOf } from '../../src/protocol/signature-tree/kinds.ts'
import { added, optionsOf } from '../../src/protocol/signature-tree/options.ts'
import {
  checkBounds,
  MOST_DEPTH,
  mapParts,
  mapTasks,
} from '../../src/protocol/signature-tree/parts.ts'
import { signatureDict } from '../../src/protocol/signatures.ts'
import type { SignatureDict } from '../../src/protocol/tasks/task-request.ts'

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

test('a map changes every task, and leaves a header that is a list one', () => {
  const dict = chordOf([task('a')], whole('chain', [task('b'), task('c')]))
  const named = mapTasks(dict, (one) => ({ ...one, task: one.task.toUpperCase() }))
  expect(named.kwargs.header).toMatchObject([{ task: 'A' }])
  expect(named.kwargs.body).toMatchObject({ kwargs: { tasks: [{ task: 'B' }, { task: 'C' }] } })
  const parts = mapParts(dict, (part, place) => ({ ...part, task: place }))
  expect(parts.kwargs).toMatchObject({ header: [{ task: 'header' }], body: { task: 'body' } })
})

test.each<[string, (inner: SignatureDict) => SignatureDict]>([
  ['steps', (inner) => whole('chain', [inner])],
  ['members', (inner) => whole('group', [inner])],
  ['headers', (inner) => chordOf([inner], task('body'))],
  ['bodies', (inner) => chordOf([], inner)],
  ['callbacks', (inner) => task('called', { link: inner })],
  ['errbacks', (inner) => task('called', { link_error: [inner] })],
  ['steps behind', (inner) => task('called', { chain: [inner] })],
  ['bodies of members', (inner) => task('called', { chord: inner })],
])('a workflow whose %s nest deeper than anything that can be started is refused', (_, around) => {
  let dict = task('innermost')
  for (let depth = 0; depth < MOST_DEPTH; depth += 1) dict = around(dict)
  checkBounds(dict)
  expect(() => checkBounds(around(dict))).toThrow(`nests deeper than ${MOST_DEPTH} signatures`)
})

test('links that are equal count once, whatever the order of their keys; many cost little more than few', () => {
  const log = (n: number) => ({ ...task('export.log'), args: [n], kwargs: { a: 1, b: [n] } })
  const many = Array.from({ length: 5_000 }, (_, n) => log(n))
  const again = many.map((link) => ({ ...link, kwargs: { b: link.kwargs.b, a: 1 } }))
  const startedAt = performance.now()
  const all = added(many, again)
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect(all.every((link, n) => link === many[n]) && all.length === many.length).toBe(true)
})

test('links whose arguments nest deep are compared in little time', () => {
  const links = Array.from({ length: 1_000 }, (_, n) => {
    let argument: unknown = n
    for (let level = 0; level < 880; level += 1) argument = [argument]
    return { ...task('export.log'), args: [argument] }
  })
  const before = process.cpuUsage()
  expect(added(links, links).length).toBe(1_000)
  expect(process.cpuUsage(before).user).toBeLessThan(1_500_000)
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
