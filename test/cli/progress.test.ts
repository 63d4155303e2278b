import { expect, test } from 'vitest'
import { Progress, type ProgressOptions } from '../../src/cli/output/progress.ts'

test('a log gets a line every few seconds and one at the end', () => {
  const { progress, written, pass } = progressOn({ isTTY: false }, { total: 2000 })
  for (let second = 1; second <= 11; second += 1) {
    pass(1000)
    progress.update(second * 100)
  }
  progress.end()
  expect(written()).toBe(
    'pruned: 500 of 2,000, 100/s, 15 s left\n' +
      'pruned: 1,000 of 2,000, 100/s, 10 s left\n' +
      'pruned: 1,100 of 2,000, 100/s, 9 s left\n',
  )
})

test('a terminal gets a bar that moves in its line', () => {
  const { progress, written, pass } = progressOn({ isTTY: true, columns: 80 }, { total: 8 })
  pass(2000)
  progress.update(4)
  expect(written()).toBe(
    `\r\u001b[2K${'█'.repeat(12)}${'░'.repeat(12)} pruned: 4 of 8, 2/s, 2 s left`,
  )
})

test('a narrow terminal gets no bar, and drawing is not done for every step', () => {
  const { progress, written, pass } = progressOn({ isTTY: true, columns: 20 }, { total: 8 })
  for (let step = 0; step < 8; step += 1) {
    pass(20)
    progress.add()
  }
  expect(written().split('\r')).toHaveLength(2)
  expect(written()).not.toContain('█')
})

test('where the total is unknown it counts', () => {
  const { progress, written, pass } = progressOn({ isTTY: false }, {})
  pass(10_000)
  progress.update(12_345)
  expect(written()).toBe('pruned: 12,345, 1,235/s\n')
})

function progressOn(
  stream: { readonly isTTY: boolean; readonly columns?: number },
  options: Partial<ProgressOptions>,
) {
  let text = ''
  let nowMs = 0
  const progress = new Progress({
    title: 'pruned',
    stream: { ...stream, write: (part) => (text += part) },
    nowMs: () => nowMs,
    ...options,
  })
  return {
    progress,
    written: () => text,
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}
