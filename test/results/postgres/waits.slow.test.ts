import { expect, test } from 'vitest'
import { LookSchedule } from '../../../src/results/postgres/look-schedule.ts'
import { growthOf } from '../../support/growth.ts'
import { waitAll } from './watching.ts'

test('each wait for a result costs the same, however many wait already', async () => {
  expect(await growthOf(500, waitAll)).toBeLessThan(3)
})

test('results that are announced one by one cost the same, however many wait', async () => {
  const ratio = await growthOf(2_000, (count) => {
    const looks = new LookSchedule()
    for (let id = 0; id < count; id += 1) looks.add(`${id}`, 500)
    looks.takeDue(1_000)
    for (let id = 0; id < count; id += 1) {
      looks.hasten(`${id}`)
      if (looks.takeDue(1_000)[0] === `${id}`) looks.delete(`${id}`)
    }
    expect(looks.size).toBe(0)
  })
  expect(ratio).toBeLessThan(3)
})
