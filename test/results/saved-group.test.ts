import { expect, test } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { memberIdsOf, resultTree } from '../../src/results/saved-group.ts'

/** A pickle written as Python would show it: characters and \x escapes. */
function saved(text: string): unknown {
  return readPickle(Buffer.from(text, 'latin1'))
}

test('a saved group that holds itself twice ends, without itself', () => {
  const group = saved('](\x8c\x01gN\x86](\x8c\x01aN\x86N\x86h\x00h\x00ee.'.replace('](', ']\x94('))
  expect(memberIdsOf(group)).toEqual(['a'])
})

test('groups that all hold each other end', () => {
  const count = 8
  const made = Array.from({ length: count }, () => ']\x94')
  const all = Array.from({ length: count }, (_, at) => `h${String.fromCharCode(at)}`).join('')
  const filled = Array.from(
    { length: count },
    (_, at) => `h${String.fromCharCode(at)}(\x8c\x01gN\x86](${all}ee`,
  )
  expect(resultTree(saved(`${made.join('')}${filled.join('')}.`))).toMatchObject({ id: 'g' })
})

test('a member that a pickle shares is a member each time', () => {
  expect(memberIdsOf(saved('(\x8c\x01gN\x86](\x8c\x01aN\x86N\x86\x94h\x00et.'))).toEqual(['a', 'a'])
})
