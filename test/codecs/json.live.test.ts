import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeJson, encodeJson } from '../../src/codecs/json/json.ts'
import { jsonValue, plainValue } from './any-value.ts'
import { python } from './python.ts'

const lines = (values: readonly unknown[]): string =>
  values.map((value) => `${encodeJson(value)}\n`).join('')

test('any value is written just as Python writes what it reads of it', () => {
  const text = lines(fc.sample(jsonValue, 2000))
  const program = `
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line)))
`
  expect(python(program, text).toString()).toBe(text)
})

test('what Python writes is read as what was sent', () => {
  const values = fc.sample(fc.array(plainValue), 2000)
  const program = `
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line), ensure_ascii=False))
`
  const answers = python(program, lines(values)).toString().split('\n')
  values.forEach((value, at) => {
    expect(decodeJson(answers[at] ?? '')).toEqual(value)
  })
})

test('typed values are what Python’s own classes read', () => {
  const text = encodeJson([new Date(1577934245678), new Date(0)])
  const program = `
import json, sys, datetime
for each in json.load(sys.stdin):
    print(repr(datetime.datetime.fromisoformat(each['__value__'])))
`
  expect(python(program, text).toString().split('\n')).toEqual([
    'datetime.datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)',
    'datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)',
    '',
  ])
})
