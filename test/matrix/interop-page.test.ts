import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PYTHONS } from './features.ts'
import { interopTable, sqsTable } from './interop-page.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/interop.md'), 'utf8')

test.each(PYTHONS)(
  'docs/interop.md shows exactly the cells that are tested (%s Celery)',
  (python) => {
    expect(PAGE).toContain(interopTable(python))
  },
)

test('docs/interop.md shows exactly the cells that are tested on Amazon SQS', () => {
  expect(PAGE).toContain(sqsTable())
})
