import { expect, test } from 'vitest'
import { type Shape, shapeOf, shown, tagsOf } from './shape.ts'
import { hasStepsPerMember } from './steps-per-member.ts'

const SHAPES = Array.from({ length: 2_000 }, (_, at) => shapeOf(at + 1))

test('a seed draws the same workflow each time', () => {
  expect(shown(shapeOf(7))).toBe(shown(shapeOf(7)))
  expect(new Set(SHAPES.map(shown)).size).toBeGreaterThan(1_600)
})

test('each tag of a workflow is used once', () => {
  for (const shape of SHAPES) expect(new Set(tagsOf(shape)).size).toBe(tagsOf(shape).length)
})

test.each([
  ['a retry', ':retry'],
  ['a task replaced by a group', ':to_group'],
  ['a failure', ':break'],
  ['a callback', '.link('],
  ['an errback', '.linkError('],
  ['a stamp', '.stamp('],
  ['an immutable signature', '.si'],
  ['an empty group', 'group()'],
  ['a chord in a chord', 'chord([chord('],
])('among 2,000 workflows there is %s', (_what, text) => {
  expect(SHAPES.map(shown).filter((shape) => shape.includes(text)).length).toBeGreaterThan(10)
})

test('workflows are nested three deep at most', () => {
  const depth = (shape: Shape): number => {
    if (shape.kind === 'task' || shape.parts.length === 0) return 0
    const body = shape.kind === 'chord' ? [shape.body] : []
    return 1 + Math.max(0, ...[...shape.parts, ...body].map(depth))
  }
  expect(Math.max(...SHAPES.map(depth))).toBe(3)
})

const task = (tag: string): Shape => ({ kind: 'task', tag, does: 'wrap', isImmutable: false })
const group = (...tags: readonly string[]): Shape => ({ kind: 'group', parts: tags.map(task) })
const chain = (...parts: readonly Shape[]): Shape => ({ kind: 'chain', parts })
const chord = (header: Shape, body: Shape): Shape => ({ kind: 'chord', parts: [header], body })
const [first, second, third] = [group('a', 'b'), group('c', 'd'), group('e', 'f')]

// What Celery 5.7 runs of each was looked at.
test.each([
  ['two groups and a chain', chain(first, second, chain(task('e'))), true],
  ['three groups', chain(first, second, third), true],
  [
    'a chord with a group as body, and a chord',
    chain(chord(first, second), chord(third, task('g'))),
    true,
  ],
  ['two groups and a task', chain(first, second, task('e'), task('f')), false],
  [
    'two groups and a chain behind a task',
    chain(task('z'), first, second, chain(task('e'))),
    false,
  ],
  ['three groups behind a task', chain(task('z'), first, second, third), false],
  [
    'a chord with a group as body, and a chain',
    chain(chord(first, second), chain(task('e'))),
    false,
  ],
  ['a chord with a group as body, and a group', chain(chord(first, second), third), false],
])('%s: whether Python runs the last step for each member', (_what, shape, isPerMember) => {
  expect(hasStepsPerMember(shape)).toBe(isPerMember)
})
