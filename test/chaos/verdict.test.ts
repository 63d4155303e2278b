import { expect, test } from 'vitest'
import type { Published, Run } from './record.ts'
import { Verdict } from './verdict.ts'

const HIT = 7

/** Worker 7 is hit between 100 and 200 ms; worker 8 never. */
const faults = {
  hit: (worker: number, first: number, second: number) =>
    worker === HIT && first <= 200 && second >= 100,
}

function run(at: number, worker = HIT, taskId = 'body'): Run {
  return { taskId, kind: 'body', number: 0, part: 0, process: worker, worker, at }
}

function published(at: number, process = HIT, taskId = 'body', parentId = 'member'): Published {
  return { taskId, task: 'chaos.body', parentId, process, at }
}

test.each<readonly [string, readonly Run[], readonly Published[]]>([
  ['ran once', [run(50)], [published(40)]],
  ['was delivered again by a worker that was hit', [run(50), run(300, 8)], [published(40)]],
  [
    'was published again, as its publisher was hit',
    [run(50, 8), run(300, 8)],
    [published(50), published(250, 8)],
  ],
  [
    'came after a task that was published twice itself',
    [run(50, 8), run(60, 8), run(50, 8, 'member'), run(51, 8, 'member')],
    [published(50, 8), published(51, 8), published(1, HIT, 'member'), published(210, 8, 'member')],
  ],
])('a task that %s is explained', (_how, runs, messages) => {
  expect(new Verdict(runs, messages, faults).unexplained()).toEqual([])
})

test.each<readonly [string, readonly Run[], readonly Published[]]>([
  ['ran again though its worker was well', [run(50, 8), run(300)], [published(40)]],
  ['ran again before its worker was hit', [run(50), run(60, 8)], [published(40)]],
  [
    'was published again though no process was hit',
    [run(6_050, 8), run(6_300, 8)],
    [published(6_040, 8), published(6_290, 8)],
  ],
  ['ran without a message', [run(50)], []],
  [
    'ran three times, one redelivery being explained',
    [run(50), run(300, 8), run(400, 8)],
    [published(40)],
  ],
])('a task that %s is not explained', (_how, runs, messages) => {
  expect(new Verdict(runs, messages, faults).unexplained()).toHaveLength(1)
})
