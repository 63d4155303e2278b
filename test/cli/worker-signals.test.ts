import { expect, test } from 'vitest'
import { workerSignals } from '../../src/cli/worker/worker-signals.ts'

function heard(signals: readonly NodeJS.Signals[], remapsTerm = false): readonly string[] {
  const rules = workerSignals({ isTerminal: false, remapsTerm })
  return signals.map((signal) => rules.kindOf(signal))
}

test.each([
  [
    ['SIGTERM', 'SIGTERM', 'SIGQUIT', 'SIGQUIT'],
    ['warm', 'none', 'soft', 'cold'],
  ],
  [
    ['SIGINT', 'SIGINT', 'SIGINT'],
    ['warm', 'soft', 'cold'],
  ],
  [
    ['SIGQUIT', 'SIGTERM', 'SIGINT', 'SIGINT'],
    ['soft', 'none', 'none', 'cold'],
  ],
  [
    ['SIGHUP', 'SIGHUP', 'SIGTERM'],
    ['warm', 'none', 'warm'],
  ],
] as const)('%j stops a worker as it stops one of Celery 5.7', (signals, kinds) => {
  expect(heard(signals)).toEqual(kinds)
})

test('with REMAP_SIGTERM a SIGTERM is a SIGQUIT', () => {
  expect(heard(['SIGTERM', 'SIGTERM'], true)).toEqual(['soft', 'cold'])
})

test('a worker of a terminal ends with it, and is not started anew', () => {
  const { signals } = workerSignals({ isTerminal: true, remapsTerm: false })
  expect(signals).not.toContain('SIGHUP')
})
