import { expect, test } from 'vitest'
import type { Altered } from '../../../src/monitor/privacy/privacy.ts'
import { requireWhole } from '../../../src/monitor/replay/whole-message.ts'
import { EXPORT, message } from '../messages.ts'

test.each([
  ['an argument by name', ['kwargs.password', 'headers.kwargsrepr'], { kwargs: { password: 'x' } }],
  ['a key inside of one', ['kwargs.user.pin'], { kwargs: { user: { pin: 1 } } }],
  ['a key with a dot', ['kwargs.card.number'], { kwargs: { 'card.number': 1 } }],
  ['an argument by position', ['args.0'], { args: ['x'] }],
  ['an argument of protocol 1', ['body.kwargs.password'], { kwargs: { password: 'x' } }],
])('%s that was taken out has to be given to be replayed', (_what, redacted, edit) => {
  expect(() => requireWhole(recorded({ redacted }), 'one')).toThrow(redacted[0])
  expect(() => requireWhole(recorded({ redacted }), 'one', { kwargs: { other: 1 } })).toThrow(
    'REDACT',
  )
  expect(() => requireWhole(recorded({ redacted }), 'one', edit)).not.toThrow()
})

test.each([
  ['a header', { redacted: ['headers.x_token'] }, 'headers.x_token'],
  ['the argument of a callback', { redacted: ['embed.callbacks.0.kwargs.password'] }, 'embed'],
  ['a body that is not kept', { dropped: 70_000 }, '70000 bytes'],
])('%s that is missing cannot be given by an edit', (_what, altered, named) => {
  const edit = { args: [], kwargs: { password: 'x' } }
  expect(() => requireWhole(recorded(altered), 'one', edit)).toThrow(named)
})

test('the trace that a call was in is not missed', () => {
  const altered = { redacted: ['headers.baggage', 'headers.tracestate'] }
  expect(() => requireWhole(recorded(altered), 'one')).not.toThrow()
})

test('a message that is whole is replayed as it is', () => {
  expect(() => requireWhole(recorded(null), 'one')).not.toThrow()
})

function recorded(altered: Altered | null) {
  return { message: message(), route: EXPORT, receivedAt: new Date(), problem: null, altered }
}
