import { expect, test } from 'vitest'
import { ProblemReport } from '../../src/brokers/problem-report.ts'
import { recordingLogger } from '../support/embedded-app.ts'

function report() {
  const log = recordingLogger()
  const causes: Error[] = []
  const options = { onProblem: (cause: Error) => void causes.push(cause) }
  return { log, causes, report: new ProblemReport({ queueName: 'export', options, log }) }
}

test('a queue that cannot be consumed is logged and reported once, with the latest reason, until it is consumed again', () => {
  const { log, causes, report: problems } = report()
  const [first, second, third] = [new Error('gone'), new Error('refused'), new Error('gone again')]
  problems.note(first)
  problems.note(second)
  expect(problems.problem).toEqual({ queue: 'export', reason: 'refused' })
  problems.noteEnd()
  problems.noteEnd()
  expect(problems.problem).toBeUndefined()
  problems.note(third)
  expect(causes).toEqual([first, third])
  expect(log.lines.map(({ sentence }) => sentence)).toEqual([
    'queue not consumed, trying again',
    'queue consumed again',
    'queue not consumed, trying again',
  ])
})

test('the problem of a closed consumer ends without a log line', () => {
  const { log, report: problems } = report()
  problems.note(new Error('gone'))
  problems.forget()
  problems.noteEnd()
  expect(problems.problem).toBeUndefined()
  expect(log.lines).toHaveLength(1)
})
