import { expect, onTestFinished, test } from 'vitest'
import { terminalWidth } from '../../src/cli/output/output.ts'

test.each([
  [true, 80, 80],
  [true, 0, undefined],
  [false, 80, undefined],
])('whether it is a terminal: %s, of %s columns: tables are cut to %s', (isTTY, columns, width) => {
  const { stdout } = process
  const before = { isTTY: stdout.isTTY, columns: stdout.columns }
  onTestFinished(() => void Object.assign(stdout, before))
  Object.assign(stdout, { isTTY, columns })
  expect(terminalWidth()).toBe(width)
})
