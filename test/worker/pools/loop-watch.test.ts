import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { TaskRequest } from '../../../src/protocol/tasks/task-request.ts'
import { BLOCKED_MS, type LoopBlock, LoopWatch } from '../../../src/worker/pools/loop-watch.ts'

const ENOUGH_MS = BLOCKED_MS + 600

function request(task: string): TaskRequest {
  return { id: `id-of-${task}`, task } as unknown as TaskRequest // the rest is of no use here
}

function block(): void {
  const until = performance.now() + ENOUGH_MS
  while (performance.now() < until);
}

test('a task that computes before its first await is named, however many others run', () => {
  const blocks: LoopBlock[] = []
  const watch = new LoopWatch((seen) => blocks.push(seen))
  watch.begin(request('waits'), () => undefined)
  watch.begin(request('computes'), block)
  expect(blocks).toMatchObject([{ request: { task: 'computes' } }])
  expect(blocks[0]?.blockedMs).toBeGreaterThanOrEqual(ENOUGH_MS)
})

test('a task that computes later on is named where it runs alone, else as one of several', async () => {
  const blocks: LoopBlock[] = []
  const watch = new LoopWatch((seen) => blocks.push(seen))
  const first = request('computes')
  watch.begin(first, () => undefined)
  block()
  watch.end(first)
  await expect.poll(() => blocks.length, { timeout: 5_000 }).toBe(1)
  expect(blocks).toMatchObject([{ request: { id: first.id }, among: ['computes'] }])

  for (const task of ['a', 'b']) watch.begin(request(task), () => undefined)
  await wait(0)
  block()
  await expect.poll(() => blocks.length, { timeout: 5_000 }).toBe(2)
  expect(blocks[1]).toMatchObject({ request: undefined, among: ['a', 'b'] })
})
