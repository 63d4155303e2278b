import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { recordCrash } from '../../src/cli/zocalo/crash-record.ts'
import { silentLogger } from '../../src/logger.ts'

test('an error that nothing catches is logged once, and the process ends after the log has gone', async () => {
  const before = process.exitCode
  onTestFinished(() => {
    process.exitCode = before
  })
  const lines: unknown[] = []
  const gone = deferred()
  const exits: number[] = []
  const onCrash = recordCrash({
    logger: { ...silentLogger, error: (...line: unknown[]) => void lines.push(line) },
    close: () => gone.promise,
    exit: (code) => void exits.push(code),
  })
  const error = new Error('detector on fire')
  onCrash(error)
  onCrash(new Error('while it ends'))
  expect(lines).toEqual([[{ err: error }, 'the process ends, an error was not caught']])
  expect(exits).toEqual([])
  gone.resolve()
  await vi.waitFor(() => expect(exits).toEqual([1]))
})
