import { expect, test } from 'vitest'
import { readFigures } from './figures.ts'
import { PAGES, readPage, upToDate } from './pages.ts'

test.each(PAGES)('%s states the figures that were measured last', (page) => {
  expect(readPage(page)).toContain('<!-- /')
  expect(readPage(page)).toBe(upToDate(page, readFigures()))
})
