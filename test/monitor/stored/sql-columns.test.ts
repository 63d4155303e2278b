import { expect, test } from 'vitest'
import { byteColumn, columnParameters, rowsFrom } from '../../../src/monitor/stored/sql-columns.ts'

test('a column is one text, its values set apart by the first mark, NULL being the second', () => {
  const [separator, nothing, ids, counts] = columnParameters([
    { cells: ['a', null, ''], isText: true },
    { cells: [1, 2, null] },
  ])
  expect(ids?.split(separator!)).toEqual(['a', nothing, ''])
  expect(counts?.split(separator!)).toEqual(['1', '2', nothing])
})

test('a column without any value is not sent', () => {
  expect(columnParameters([{ cells: [null, null] }]).slice(2)).toEqual([''])
})

test('where a value holds a mark, marks are taken that it does not hold', () => {
  const cells = ['a\u001fb', '\u001e', 'c']
  const [separator, nothing, column] = columnParameters([{ cells, isText: true }])
  expect(column?.split(separator!)).toEqual(cells)
  expect(cells).not.toContain(nothing)
})

test('the SQL counts its parameters from where it is told', () => {
  expect(rowsFrom(['a', 'b'], 3)).toBe(
    'ROWS FROM (unnest(string_to_array($5, $3, $4)), unnest(string_to_array($6, $3, $4))) AS new (a, b)',
  )
})

test('bytes are one value, and SQL finds each by its start and length', () => {
  const { bytes, starts, lengths } = byteColumn([
    Buffer.from('ab'),
    Buffer.alloc(0),
    Buffer.from('c'),
  ])
  expect(bytes.toString()).toBe('abc')
  expect(starts).toEqual([1, 3, 3])
  expect(lengths).toEqual([2, 0, 1])
})
