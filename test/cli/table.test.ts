import { expect, test } from 'vitest'
import { type Column, cellText, renderTable } from '../../src/cli/output/table.ts'

interface Row {
  readonly name: string
  readonly count: number | null
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'name', value: ({ name }) => name },
  { title: 'count', value: ({ count }) => count, align: 'right' },
]

test('columns are aligned under their titles, numbers to the right', () => {
  const rows = [
    { name: 'export', count: 12 },
    { name: 'msg', count: 3 },
  ]
  expect(renderTable(COLUMNS, rows)).toBe('NAME    COUNT\nexport     12\nmsg         3')
})

test('no line is wider than the terminal, and what is cut ends with an ellipsis', () => {
  const rows = [{ name: 'a-very-long-name-indeed', count: 1 }]
  const lines = renderTable(COLUMNS, rows, { width: 18 }).split('\n')
  expect(lines).toEqual(['NAME         COUNT', 'a-very-lon…      1'])
})

test('a column that must stay whole is not shortened', () => {
  const whole = COLUMNS.map((column) => ({ ...column, isWhole: column.title === 'name' }))
  const rows = [{ name: 'a-very-long-name-indeed', count: 1 }]
  expect(renderTable(whole, rows, { width: 18 })).toContain('a-very-long-name-indeed')
})

test('where there is no room, columns that may go do so before any is cut, the last of them first', () => {
  const extra = COLUMNS.map((column) => ({ ...column, isExtra: column.title === 'count' }))
  const columns = [...extra, { title: 'end', value: () => 'x' }]
  const rows = [{ name: 'a-very-long-name', count: 1 }]
  expect(renderTable(columns, rows, { width: 28 })).toMatch(/^NAME {14}COUNT {2}END\n/)
  expect(renderTable(columns, rows, { width: 24 })).toBe(
    'NAME              END\na-very-long-name  x',
  )
})

test('a terminal too narrow for anything still gets every column', () => {
  const rows = [{ name: 'a-very-long-name-indeed', count: 1 }]
  expect(renderTable(COLUMNS, rows, { width: 3 })).toContain('a-ver…')
})

test('colours are added only when asked for, and do not count as width', () => {
  const coloured = COLUMNS.map((column) => ({ ...column, colour: () => '31' }))
  const rows = [{ name: 'x', count: null }]
  expect(renderTable(coloured, rows)).not.toContain('\u001B')
  expect(renderTable(coloured, rows, { isColoured: true })).toContain('\u001B[31mx   \u001B[0m')
})

test('text that came with a message cannot steer the terminal or break the line', () => {
  expect(cellText('a\u001B[2J\nb\u009Bc')).toBe('a [2J b c')
  expect(cellText('pdf\u202Efdp.exe')).toBe('pdf fdp.exe')
})

test('an absent value is an empty cell', () => {
  expect([cellText(null), cellText(undefined), cellText(0)]).toEqual(['', '', '0'])
})

test('a cell of megabytes is cut at once', () => {
  const rows = [{ name: 'n'.repeat(5_000_000), count: 1 }]
  const before = performance.now()
  expect(renderTable(COLUMNS, rows, { width: 18 }).split('\n')[1]).toBe('nnnnnnnnnn…      1')
  expect(performance.now() - before).toBeLessThan(2_000)
})

test('a value without a text has a cell, and none steers the terminal', () => {
  expect(cellText({ toString: 1, valueOf: 1 })).toBe('[object Object]')
  expect(cellText('a\u061c\u2028\u202e\u001bb')).toBe('a b')
})
