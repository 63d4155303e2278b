import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/index.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects, startFaultWorker } from './fault-worker.ts'
import { handOver } from './handover.ts'

test('SIGTERM lets running tasks finish and gives back those that were taken ahead', async () => {
  const { app, effects, gate, worker, results } = await sixTasksTwoRunning()

  worker.kill('SIGTERM')
  await worker.waitForLine(/Warm shutdown/)
  await waitFor('the four back in their queue', async () => (await depthOf(app)) === 4)
  writeFileSync(gate, '')

  expect(await worker.exited).toEqual({ code: 0, signal: null })
  expect([...effects.of('end')].sort()).toEqual([0, 1])
  expect(await results[0]?.get({ timeoutMs: 5_000 })).toBe(0)
  expect(await results[1]?.get({ timeoutMs: 5_000 })).toBe(1)
  expect(await results[2]?.status()).toBe('PENDING')
  expect(await depthOf(app)).toBe(4)
})

test('SIGQUIT ends at once, also after SIGTERM, which is heard once: late-acked tasks that were running go back too', async () => {
  const { app, effects, worker } = await sixTasksTwoRunning()

  worker.kill('SIGTERM')
  await worker.waitForLine(/Warm shutdown/)
  worker.kill('SIGTERM')
  await worker.waitForLine(/It stops already/)
  worker.kill('SIGQUIT')
  await worker.waitForLine(/Cold shutdown/)

  expect(await worker.exited).toEqual({ code: 1, signal: null })
  expect(effects.count('end')).toBe(0)
  expect(await depthOf(app)).toBe(6)
})

test('rejections that a task leaves behind are logged, and the process goes on', async () => {
  const servers = await freshServers(['fault'])
  const app = liveApp(servers)
  const worker = await startFaultWorker(servers, new Effects())

  const careless = await app.sendTask('fault.careless', [1])
  expect(await careless.get({ timeoutMs: 10_000 })).toBe(1)
  await worker.waitForLine(/a promise that nobody handles/)
  await worker.waitForLine(/and a later one/)

  const next = await app.sendTask('fault.work', [2])
  expect(await next.get({ timeoutMs: 10_000 })).toBe(2)
  expect(await worker.stop()).toEqual({ code: 0, signal: null })
})

test('SIGTERM under load beside a second worker: no task fails, none runs twice, no second without progress', async () => {
  const { published, longestGapMs, ...rest } = await handOver('async')
  expect(published).toBeGreaterThan(50)
  expect(rest).toEqual({ notOnce: [], failed: [], exit: { code: 0, signal: null } })
  expect(longestGapMs).toBeLessThan(1_000)
})

test('REMAP_SIGTERM=SIGQUIT and a soft timeout on idle: an idle worker waits for that long, then ends with 1', async () => {
  const servers = await freshServers(['fault'])
  const worker = await startFaultWorker(servers, new Effects(), {
    env: {
      REMAP_SIGTERM: 'SIGQUIT',
      CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT: '1.5',
      CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE: 'True',
    },
  })
  const toldAt = Date.now()
  worker.kill('SIGTERM')
  await worker.waitForLine(/Soft shutdown/)
  expect(await worker.exited).toEqual({ code: 1, signal: null })
  expect(Date.now() - toldAt).toBeGreaterThan(1_400)
})

/** A worker with two slots, in both of which a task waits for the gate; it has taken all six. */
async function sixTasksTwoRunning() {
  const servers = await freshServers(['fault'])
  const app = liveApp(servers)
  const effects = new Effects()
  const gate = join(effects.folder, 'gate')
  const worker = await startFaultWorker(servers, effects, { concurrency: 2 })
  const results = []
  for (let n = 0; n < 6; n += 1) results.push(await app.sendTask('fault.wait', [n, gate]))
  await waitFor('two tasks to run', () => effects.of('start').size === 2)
  await waitFor('all six to be taken', async () => (await depthOf(app)) === 0)
  return { app, effects, gate, worker, results }
}

async function depthOf(app: CeleryApp): Promise<number> {
  return (await app.broker().depth('fault')).messages
}
