import { expect, test } from 'vitest'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { waitFor } from '../support/wait-for.ts'
import { ODD_VALUES } from './hostile/odd-outcomes.ts'
import { LONG, MINUTES, openPlace, type Place, TASKS } from './hostile/place.ts'
import { MOST_PAUSE_MS } from './hostile/watched.ts'

const BYTES = 1_000_000
/** Of one outcome, of the values of two slots, and of what the garbage collector has not come to. */
const MOST_MB = 650

test('two hundred odd and large outcomes at once are stored, in bounded memory and without a pause', {
  timeout: 10 * MINUTES,
}, async () => {
  const place = await openPlace()
  const { worker, broker } = place
  await worker.reset()
  const calls = [1, 2].flatMap((round) => callsOf(round))
  for (const call of calls) await broker.publish(encodeTask(call), TASKS)
  await waitFor('all to be stored', async () => (await stored(place)) === calls.length, LONG)
  expect(worker.longestPauseMs).toBeLessThanOrEqual(MOST_PAUSE_MS)
  expect(worker.mostMb).toBeLessThan(MOST_MB)
})

function callsOf(round: number) {
  return ['hostile.return', 'hostile.throw'].flatMap((task) =>
    Object.keys(ODD_VALUES).map((name) => ({
      id: `${task} ${name} ${round}`,
      task,
      args: [name, BYTES],
    })),
  )
}

async function stored({ database }: Place): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    "select count(*)::int as count from celery_taskmeta where status in ('SUCCESS', 'FAILURE')",
  )
  return row?.count ?? 0
}
