import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Delivery } from '../../src/brokers/broker.ts'
import { silentLogger } from '../../src/logger.ts'
import { WorkerLostError } from '../../src/tasks/signals.ts'
import type { Job } from '../../src/worker/job.ts'
import type { Outcome } from '../../src/worker/outcomes/outcome.ts'
import { PoisonGuard } from '../../src/worker/poison-guard.ts'
import { migratedDatabase } from '../support/live-app.ts'
import { freshDatabase } from '../support/postgres.ts'
import { waitFor } from '../support/wait-for.ts'

const DONE: Outcome = { kind: 'success', value: null, runtimeMs: 1 }

test('a message that ended its worker three times is poison at its fourth delivery', async () => {
  const guard = await guardOf(3)
  for (const attempt of [1, 2, 3]) {
    let hasBegun = false
    void guard().around(jobOf('x', attempt), async () => {
      hasBegun = true
      return await dies()
    })
    await waitFor('its begin', () => hasBegun)
  }
  expect(await guard().around(jobOf('x', 4), runs)).toMatchObject({
    kind: 'failure',
    error: expect.objectContaining({ isPoison: true, name: 'WorkerLostError' }),
  })
})

test('what has ended counts no more, and what never began is not condemned', async () => {
  const guard = await guardOf(2)
  expect(await guard().around(jobOf('x', 2), runs)).toBe(DONE)
  expect(await guard().around(jobOf('x', 3), runs)).toBe(DONE)
  expect(await guard().around(jobOf('y', 9), runs)).toBe(DONE)
})

test('where the next death would condemn it, a message runs alone among its like', async () => {
  const worker = (await guardOf(2))()
  let [now, most] = [0, 0]
  const counting = async (): Promise<Outcome> => {
    now += 1
    most = Math.max(most, now)
    await sleep(20)
    now -= 1
    return DONE
  }
  await Promise.all(['a', 'b', 'c'].map((id) => worker.around(jobOf(id, 2), counting)))
  expect(most).toBe(1)
  most = 0
  await Promise.all(['a', 'b', 'c'].map((id) => worker.around(jobOf(id, 1), counting)))
  expect(most).toBe(3)
})

test('a begin is counted while another forgets what is old', async () => {
  const url = await freshDatabase()
  const other = await migratedDatabase(url)
  await other.query(
    `INSERT INTO monitor.suspect (task_id, retries, begun, begun_at) VALUES ('old', 0, 2, now() - interval '20 days')`,
  )
  const database = await migratedDatabase(`${url}?options=-c%20lock_timeout%3D2s`)
  const parts = { most: 3, logger: silentLogger, database: async () => database }
  await other.transaction(async (connection) => {
    await connection.query('SELECT FROM monitor.suspect FOR UPDATE')
    await new PoisonGuard(parts).around(jobOf('x', 2), async () => {
      const begun = "SELECT begun FROM monitor.suspect WHERE task_id = 'x'"
      expect(await database.query(begun)).toEqual([{ begun: 2 }])
      return DONE
    })
  })
})

test('without a database everything runs', async () => {
  const parts = { most: 1, logger: silentLogger }
  const none = new PoisonGuard({ ...parts, database: async () => undefined })
  const away = new PoisonGuard({
    ...parts,
    database: async () => Promise.reject(new Error('away')),
  })
  expect(await none.around(jobOf('x', 5), runs)).toBe(DONE)
  expect(await away.around(jobOf('x', 5), runs)).toBe(DONE)
  expect(new WorkerLostError('x').isPoison).toBe(false)
})

/** Each is the guard of a worker of its own. */
async function guardOf(most: number): Promise<() => PoisonGuard> {
  const database = await migratedDatabase(await freshDatabase())
  return () => new PoisonGuard({ database: async () => database, most, logger: silentLogger })
}

function jobOf(id: string, attempt: number): Job {
  const delivery = { attempt, isLost: false } as Delivery // no more of it is looked at
  return {
    delivery,
    request: { id, retries: 0, task: 'x' } as Job['request'],
    task: {} as Job['task'],
  }
}

/** The worker ends before the run does. */
function dies(): Promise<Outcome> {
  return new Promise(() => undefined)
}

async function runs(): Promise<Outcome> {
  return DONE
}
