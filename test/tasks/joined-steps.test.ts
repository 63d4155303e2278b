import { expect, test } from 'vitest'
import {
  Config,
  chain,
  chord,
  createApp,
  group,
  type Signature,
  type SignatureDict,
} from '../../src/index.ts'

const app = createApp(new Config({ broker_url: 'memory://', queues: ['work'], environment: {} }))
const t = (name: string): Signature => app.signature('step', [name])
const all = (...names: readonly string[]) => group(names.map(t))

// What Celery 5.7 makes of the same calls: (a | b) is a chain, {a, b} a group, {a, b}>c a chord; +l is a callback, !e an errback.
test.each<readonly [string, () => Signature, string]>([
  ['tasks', () => chain(t('a'), t('b'), t('c')), '(a | b | c)'],
  ['a chain within', () => chain(t('a'), chain(t('b'), t('c')), t('d')), '(a | b | c | d)'],
  [
    'callbacks of a chain within',
    () => chain(t('a'), calling(chain(t('b'), t('c')), 'l', 'e'), t('d')),
    '(a | b!e | c+l!e | d)',
  ],
  ['a group and a task', () => chain(all('a', 'b'), t('c')), '{a, b}>c'],
  ['a group and two tasks', () => chain(all('a', 'b'), t('c'), t('d')), '{a, b}>(c | d)'],
  ['two groups and a task', () => chain(all('a', 'b'), all('c', 'd'), t('e')), '{a, b}>{c, d}>e'],
  [
    'two groups and two tasks',
    () => chain(all('a', 'b'), all('c', 'd'), t('e'), t('f')),
    '{a, b}>{c, d}>(e | f)',
  ],
  [
    'a task, two groups and a task',
    () => chain(t('z'), all('a', 'b'), all('c', 'd'), t('e')),
    '(z | {a, b} | {c, d}>e)',
  ],
  ['a task and a group', () => chain(t('a'), all('b', 'c')), '(a | {b, c})'],
  ['a chord and a task', () => chain(chord(all('a', 'b'), t('c')), t('d')), '({a, b}>(c | d))'],
  [
    'a chord and a group',
    () => chain(chord(all('a', 'b'), t('c')), all('d', 'e')),
    '({a, b}>(c | {d, e}))',
  ],
  [
    'a chord, a group and a task',
    () => chain(chord(all('a', 'b'), t('c')), all('d', 'e'), t('f')),
    '({a, b}>(c | {d, e}>f))',
  ],
  [
    'a chord and a chord',
    () => chain(chord(all('a', 'b'), t('c')), chord(all('d', 'e'), t('f'))),
    '({a, b}>c | {d, e}>f)',
  ],
  [
    'a chord and a chain',
    () => chain(chord(all('a', 'b'), t('c')), chain(t('d'), t('e'))),
    '({a, b}>(c | d | e))',
  ],
  [
    'a task, a chord and a chain',
    () => chain(t('z'), chord(all('a', 'b'), t('c')), chain(t('d'), t('e'))),
    '(z | {a, b}>(c | d | e))',
  ],
  ['a group and a chain', () => chain(all('a', 'b'), chain(t('c'), t('d'))), '{a, b}>(c | d)'],
  [
    'a group and a chain with callbacks',
    () => chain(all('a', 'b'), calling(chain(t('c'), t('d')), 'l', 'e')),
    '{a, b}>(c | d)+l!e',
  ],
  ['a group of one', () => chain(t('a'), all('b'), t('c')), '(a | b | c)'],
  [
    'a group of one, which is a group',
    () => chain(t('a'), group([all('b')]), t('c')),
    '(a | {b}>c)',
  ],
  ['a first group of one, which is a group', () => chain(group([all('a')]), t('c')), '{a}>c'],
  ['an empty group', () => chain(t('a'), group([]), t('b')), '(a | b)'],
  ['an empty group first', () => chain(group([]), t('a')), '(a)'],
  ['a group and an empty one', () => chain(all('a', 'b'), group([])), '{a, b}'],
  [
    'a chain that ends with a chord and a group, with a callback, and two tasks',
    () =>
      chain(
        calling(chain(t('a'), chord(all('b', 'c'), t('d')), all('e', 'f')), 'l', 'x'),
        t('g'),
        t('h'),
      ),
    '(a!x | {b, c}>(d | {e, f}>(g | h))+l!x)',
  ],
  [
    'a chain that ends with a group, with callbacks, and a task',
    () => chain(calling(chain(t('a'), all('b', 'c')), 'l', 'e'), t('d')),
    '(a!e | {b+l!e, c!e}>d)',
  ],
  [
    'a chord whose body is a chain with a callback, and a task',
    () => chain(chord(all('a', 'b'), calling(chain(t('c'), t('d')), 'l', 'e')), t('f')),
    '({a, b}>(c!e | d+l!e | f))',
  ],
  [
    'a chord whose body is a chain that ends with a group, and a task',
    () => chain(chord(all('a', 'b'), chain(t('c'), all('d', 'e'))), t('f')),
    '({a, b}>(c | {d, e}>f))',
  ],
])('chain(): %s, as Celery puts them together', (_what, make, tree) => {
  expect(shown(make().toJSON())).toBe(tree)
})

// Celery's workers run what is behind once for each member of the group, with the same ids.
test.each<readonly [string, () => Signature, string]>([
  [
    'two groups and a chain',
    () => chain(all('a', 'b'), all('c', 'd'), chain(t('e'), t('f'))),
    '{a, b}>{c, d}>(e | f)',
  ],
  [
    'three groups',
    () => chain(all('a', 'b'), all('c', 'd'), all('e', 'f')),
    '{a, b}>{c, d}>{e, f}',
  ],
  [
    'a chord with a group as body, and a chord',
    () => chain(chord(all('a', 'b'), all('c', 'd')), chord(all('e', 'f'), t('g'))),
    '({a, b}>{c, d}>{e, f}>g)',
  ],
])('chain(): what is behind %s gets the results of the second group, once', (_what, make, tree) => {
  expect(shown(make().toJSON())).toBe(tree)
})

// Copied for each step, it would take minutes.
test('a chain of 20,000 tasks, behind a group and alone, has them in order', () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `t${at}`)
  const steps = names.map(t)
  expect(shown(chain(steps).toJSON())).toBe(`(${names.join(' | ')})`)
  const behind = chain([all('a', 'b'), ...steps])
  expect(shown(behind.toJSON())).toBe(`{a, b}>(${names.join(' | ')})`)
})

function calling(signature: Signature, callback: string, errback: string): Signature {
  return signature.link(t(callback)).linkError(t(errback))
}

function shown(dict: SignatureDict): string {
  const { tasks, header, body } = dict.kwargs as Readonly<Record<string, unknown>>
  const names = (links: unknown): string =>
    [links ?? []]
      .flat()
      .map((link) => String((link as SignatureDict).args[0]))
      .join(',')
  const { link, link_error } = dict.options
  const links = `${link ? `+${names(link)}` : ''}${link_error ? `!${names(link_error)}` : ''}`
  const parts = (of: unknown, separator: string): string =>
    (of as readonly SignatureDict[]).map(shown).join(separator)
  switch (dict.subtask_type) {
    case 'chain':
      return `(${parts(tasks, ' | ')})${links}`
    case 'group':
      return `{${parts(tasks, ', ')}}${links}`
    case 'chord': {
      const members = Array.isArray(header) ? header : (header as SignatureDict).kwargs.tasks
      return `{${parts(members, ', ')}}>${shown(body as SignatureDict)}${links}`
    }
    default:
      return String(dict.args[0]) + links
  }
}
