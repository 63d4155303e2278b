import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/index.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects, startFaultWorker } from './fault-worker.ts'

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
