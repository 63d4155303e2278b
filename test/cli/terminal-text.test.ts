import { expect, test } from 'vitest'
import { EventLines } from '../../src/cli/events/event-line.ts'
import { jsonText } from '../../src/cli/output/json-text.ts'
import { replyText } from '../../src/cli/remote/reply-text.ts'

const EVIL = '\u001b[2J\u009b8m\u202e'
const SHOWN = String.raw`\x1b[2J\x9b8m\u202e`

test('JSON on a terminal does not steer it, and is the same JSON', () => {
  const text = jsonText({ [EVIL]: [EVIL, new Map([[{ toString: 1 }, EVIL]])] })
  expect(text).toMatch(/^[\x20-\x7e]+$/)
  expect(JSON.parse(text)).toEqual({ [EVIL]: [EVIL, { '[object Object]': EVIL }] })
})

test('what workers answer does not steer the terminal', () => {
  const reply = { [EVIL]: { ok: EVIL } }
  expect(replyText(reply, { isColoured: false, withBody: true })).toBe(
    `->  ${SHOWN}: OK\n        ${SHOWN}`,
  )
})

test.each([
  [
    'a type that is a word of JavaScript',
    { type: 'constructor' },
    'w@h [at undefined] constructor ',
  ],
  ['a host that has no text', { hostname: { toString: 1 } }, '[object Object] [at undefined] t '],
  ['a time that no Date can be', { timestamp: 1e300 }, 'w@h [at 1e+300] t '],
  ['a time that has no text', { timestamp: { valueOf: 1 } }, 'w@h [at [object Object]] t '],
  ['a line that is two', { hostname: `a\nb${EVIL}` }, `a\\nb${SHOWN} [at undefined] t `],
])('an event with %s is a line', (_, event, line) => {
  expect(new EventLines().lineOf({ type: 't', hostname: 'w@h', ...event })).toBe(line)
})

test('an arrival whose name and arguments have no text is a line', () => {
  const fields = { name: { toString: 1 }, args: { toString: 1 }, kwargs: 5 }
  const event = { type: 'task-received', hostname: 'w@h', uuid: 'u', timestamp: 0, ...fields }
  expect(new EventLines().lineOf(event)).toContain(
    '[object Object](u) args=[object Object] kwargs=5',
  )
})
