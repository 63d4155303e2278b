import { expect, test } from 'vitest'
import { fromBorder, toBorder } from '../../../src/worker/pools/children/border-values.ts'
import { ODD_ERRORS } from '../../support/odd-values.ts'

test.each(Object.entries(ODD_ERRORS))(
  '%s crosses to the worker as something that it can look at',
  (_, make) => {
    const crossed = fromBorder(structuredClone(toBorder(make())))
    if (!(crossed instanceof Error)) return
    const { message, name, stack } = crossed
    expect([typeof message, typeof name]).toEqual([
      'string',
      expect.stringMatching(/^(string|undefined)$/),
    ])
    expect(typeof stack).toMatch(/^(string|undefined)$/)
  },
)

test('what an error calls itself, and its message, cross as text', () => {
  const error = Object.assign(new Error(), { name: Symbol('odd'), message: 404 })
  expect(fromBorder(structuredClone(toBorder(error)))).toMatchObject({
    name: 'Symbol(odd)',
    message: '404',
  })
})
