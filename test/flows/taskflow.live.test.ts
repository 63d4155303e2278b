import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { difference, type Play, playHere, revertsWhatNeverRan } from '../support/flows/compare.ts'
import { type RandomFlow, randomFlow } from '../support/flows/random-flow.ts'
import { PROJECT, service } from '../support/services.ts'

/** 2,000 by `npm run test:taskflow`. */
const COUNT = Number(process.env.RANDOM_FLOWS ?? 150)
const FIRST_SEED = Number(process.env.RANDOM_FLOWS_SEED ?? 1)
const PLAYER = join(PROJECT, 'test/support/python/taskflow_player.py')

test(`${COUNT} random flows make the same calls and come to the same end as on TaskFlow`, {
  timeout: 1_800_000,
}, async () => {
  const flows = Array.from({ length: COUNT }, (_, index) => randomFlow(FIRST_SEED + index))
  const problems: string[] = []
  let excused = 0
  let index = 0
  for await (const theirs of playThere(flows)) {
    const random = flows[index]
    const seed = FIRST_SEED + index
    index += 1
    if (random === undefined) continue
    if ('refused' in theirs) problems.push(`seed ${seed}: TaskFlow ${theirs.refused}`)
    else if (revertsWhatNeverRan(theirs)) excused += 1
    else {
      const ours = await playHere(random)
      const found = difference(random, theirs, ours)
      if (found === undefined || (await isChanceThere(random, ours))) continue
      problems.push(`seed ${seed}: ${found}`)
    }
  }
  expect(problems.map((problem) => problem.slice(0, 2_000))).toEqual([])
  expect(index).toBe(COUNT)
  expect(excused).toBeLessThan(COUNT / 10)
})

/**
 * TaskFlow goes by the order of sets where atoms end together, which differs from run to run: there the order is not defined,
 * and ours need only be one of those.
 */
async function isChanceThere(random: RandomFlow, ours: Play): Promise<boolean> {
  for (let process = 0; process < 20; process += 1) {
    for await (const theirs of playThere(Array.from({ length: 5 }, () => random))) {
      if ('calls' in theirs && difference(random, theirs, ours) === undefined) return true
    }
  }
  return false
}

async function* playThere(flows: readonly object[]): AsyncGenerator<Play | { refused: string }> {
  const python = spawn(service('PYTHON_TASKFLOW'), [PLAYER], { stdio: ['pipe', 'pipe', 'inherit'] })
  python.stdin.end(flows.map((flow) => `${JSON.stringify(flow)}\n`).join(''))
  for await (const line of createInterface({ input: python.stdout })) yield JSON.parse(line)
}
