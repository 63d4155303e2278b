import { expect, test } from 'vitest'
import { fitted } from '../../../src/cli/program/fitted-help.ts'

test('paragraphs are wrapped, and what fits stays as it was written', () => {
  const short = 'One line.\nAnother one.'
  expect(fitted(short)).toBe(short)
  expect(fitted(`${'word '.repeat(20).trim()}\n\nExamples:\n  celery-toolbox doctor`)).toBe(
    `${'word '.repeat(16).trim()}\n${'word '.repeat(4).trim()}\n\nExamples:\n  celery-toolbox doctor`,
  )
})

test('a long command goes on in the next line, and is never broken within quotes', () => {
  const line = `  celery-toolbox tasks replay --where "name = 'export.pdf' AND status = 'FAILURE'" --rate 5 --json`
  expect(fitted(line).split('\n')).toEqual([
    '  celery-toolbox tasks replay --where \\',
    `    "name = 'export.pdf' AND status = 'FAILURE'" --rate 5 --json`,
  ])
})

test('what is said beside a command that is too long stands above it', () => {
  const line = `  celery-toolbox service -s MyService --min 1 --max 8      (as many processes as queues ask for)`
  expect(fitted(line).split('\n')).toEqual([
    '  # as many processes as queues ask for',
    '  celery-toolbox service -s MyService --min 1 --max 8',
  ])
})
