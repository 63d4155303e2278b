import { expect, test } from 'vitest'
import { decodeJson, encodeJson } from '../../src/codecs/json/json.ts'
import { decodeMsgpack, encodeMsgpack } from '../../src/codecs/msgpack/msgpack.ts'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { writePickle } from '../../src/codecs/pickle/pickle-writer.ts'

/** pickle.dumps('a\\ud83dz', 4) of Python. */
const OF_PYTHON = Buffer.from('80049509000000000000008c0561eda0bd7a942e', 'hex')

const HALVES = ['a\ud83dz', '\udcff', 'file\udcff.txt', '\ud83d', 'ä\udcffö', '\udcff\udcfe']

test('half a surrogate pair that Python pickled is read', () => {
  expect(readPickle(OF_PYTHON)).toBe('a\ud83dz')
})

test.each(HALVES)('%j survives a pickle, as a value and as a key', (text) => {
  expect(readPickle(writePickle(text))).toBe(text)
  expect(readPickle(writePickle({ [text]: [text, 'whole 😀'] }))).toEqual({
    [text]: [text, 'whole 😀'],
  })
})

test('half a surrogate pair is pickled with the bytes that Python writes', () => {
  expect(writePickle('a\ud83dz').toString('hex')).toContain('8c0561eda0bd7a')
})

test.each(HALVES)('%j survives JSON', (text) => {
  expect(decodeJson(encodeJson(text))).toBe(text)
})

test.each<readonly [string, unknown, string]>([
  ['a value', ['ok', { name: 'file\udcff.txt' }], 'value[1].name'],
  ['a key', new Map([['file\udcff.txt', 1]]), 'value (a key)'],
  ['a key of an object', { 'file\udcff.txt': 1 }, 'value'],
])('half a surrogate pair in %s cannot be encoded as msgpack', (_where, value, path) => {
  expect(() => encodeMsgpack(value)).toThrow(
    expect.objectContaining({
      code: 'VALUE_UNENCODABLE',
      message: expect.stringContaining('half of a surrogate pair'),
    }),
  )
  expect(() => encodeMsgpack(value)).toThrow(path)
})

test('whole pairs are text like any other', () => {
  expect(decodeMsgpack(encodeMsgpack('😀ä'))).toBe('😀ä')
  expect(readPickle(writePickle('😀ä'))).toBe('😀ä')
})

test('a pickle with bytes that are neither UTF-8 nor half a pair is refused', () => {
  const broken = Buffer.from('80048c0361edffff2e'.replace('0361edffff', '0461edffff'), 'hex')
  expect(() => readPickle(broken)).toThrow(/UTF-8/)
})
