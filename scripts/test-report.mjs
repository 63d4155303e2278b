// Vitest's JSON report as three numbers.
import { existsSync, readFileSync } from 'node:fs'

export function readReport(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0 }
  return countReport(JSON.parse(readFileSync(file, 'utf8')))
}

/** A file that failed before its first test (a wrong import, a failed hook) counts as one failure. */
export function countReport(report) {
  const filesThatFailed = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + filesThatFailed.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

export function addCounts(one, other) {
  return Object.fromEntries(Object.entries(one).map(([name, count]) => [name, count + other[name]]))
}

export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
