import { expect, test } from 'vitest'
import { countReport, readReport, summaryLine } from '../../scripts/test-report.mjs'
import { startProcess } from '../support/processes.ts'

const REPORT = {
  numPassedTests: 3,
  numFailedTests: 1,
  numPendingTests: 2,
  numTodoTests: 1,
  testResults: [
    { status: 'passed', assertionResults: [{ status: 'passed' }] },
    { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
  ],
}

test('the summary counts todo tests as skipped', () => {
  expect(summaryLine(countReport(REPORT))).toBe('3 passed, 1 failed, 3 skipped')
})

test('a test file that could not even be loaded counts as a failure', () => {
  const broken = { status: 'failed', assertionResults: [] }
  const report = { ...REPORT, testResults: [...REPORT.testResults, broken] }
  expect(countReport(report).failed).toBe(2)
})

test('a report that was never written counts nothing, so that only the exit code speaks', () => {
  expect(readReport('/nowhere/report.json')).toEqual({ passed: 0, failed: 0, skipped: 0 })
})

test('npm test -- --help says how to run a part of the tests', async () => {
  const started = startProcess(process.execPath, ['scripts/test.mjs', '--help'])
  expect((await started.exited).code).toBe(0)
  expect(started.stdout).toContain('npm test -- --project unit')
})
