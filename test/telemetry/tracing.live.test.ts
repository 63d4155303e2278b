import { beforeAll, expect, test } from 'vitest'
import { migrateUp } from '../../src/database/migrate.ts'
import type { Vault } from '../../src/schedule/vault.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import type { Process } from '../support/processes.ts'
import { startPythonWorker } from '../support/python-celery.ts'
import { waitFor } from '../support/wait-for.ts'
import { spanOf, startTracing } from './traced.ts'

beforeAll(startTracing)

interface PythonSpan {
  readonly kind: string
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
}

test('a trace goes from our call through Python’s run and call to our run', async () => {
  const servers = await freshServers()
  const python = await startPythonWorker({
    app: 'traced_app',
    env: { ...servers.env, RESULT_BACKEND: 'rpc://', DATABASE_URL: '' },
    queues: ['python'],
  })
  const app = liveApp(servers, { result_backend: 'disabled://' })
  app.task('export.double', (x: number) => 2 * x)
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  await app.sendTask('python.pass_on', [4])
  const ran = await spanOf('run/export.double')
  await worker.stop()
  const called = await spanOf('apply_async/python.pass_on')
  const { traceId, spanId } = called.spanContext()
  const pythonRan = await pythonSpan(python, 'run/python.pass_on')
  expect(pythonRan).toMatchObject({ kind: 'CONSUMER', traceId, parentId: spanId })
  const pythonCalled = await pythonSpan(python, 'apply_async/export.double')
  expect(pythonCalled).toMatchObject({ kind: 'PRODUCER', traceId, parentId: pythonRan.spanId })
  expect(ran.spanContext().traceId).toBe(traceId)
  expect(ran.parentSpanContext?.spanId).toBe(pythonCalled.spanId)
})

test('what waited in the vault carries the trace of its call when it is published', async () => {
  const servers = await freshServers(['export'])
  await migrateUp(servers.databaseUrl)
  const app = liveApp(servers, { ETA_VAULT: true })
  for (const name of ['ours', 'theirs', 'again']) {
    app.task(`export.${name}`, { bind: true }, (self) => {
      if (name === 'again' && self.request.retries === 0) throw self.retry({ countdown: 3600 })
      return self.request.headers.traceparent
    })
  }
  const vault = await app.vault()
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  const elsewhere = liveApp(servers)
  const calls = {
    // Put there by the call itself, by the worker that was given it, and by the worker that tries it again.
    ours: await app.sendTask('export.ours', [], {}, { countdown: 3600 }),
    theirs: await elsewhere.sendTask('export.theirs', [], {}, { countdown: 3600 }),
    again: await app.sendTask('export.again'),
  }
  for (const [name, { id }] of Object.entries(calls)) {
    const held = await inVault(vault, id)
    await vault?.change(id, (waiting) => ({ ...waiting, dueAt: new Date() }))
    const carried = await calls[name as keyof typeof calls].get({ timeoutMs: 20_000 })
    expect(carried).toBe(held)
    const [, traceId, spanId] = String(carried).split('-')
    const called = await spanOf(`apply_async/export.${name}`, traceId)
    const ran = await spanOf(`run/export.${name}`, traceId)
    expect(ran.attributes).toMatchObject({ 'messaging.message.id': id })
    if (name === 'again') continue // it was called, run, called again and run again: one trace
    expect(called.spanContext().spanId).toBe(spanId)
    expect(ran.parentSpanContext?.spanId).toBe(spanId)
  }
  await worker.stop()
})

/** Its traceparent, once it is there. */
async function inVault(vault: Vault | undefined, taskId: string): Promise<unknown> {
  return await waitFor(
    `${taskId} in the vault`,
    async () => (await vault?.find(taskId))?.message.headers.traceparent,
  )
}

async function pythonSpan(python: Process, name: string): Promise<PythonSpan> {
  const [, shown = ''] = await python.waitForLine(
    new RegExp(`^SPAN (\\{"name": "${name.replace('.', '\\.')}".*\\})$`, 'm'),
  )
  return JSON.parse(shown) as PythonSpan // traced_app.py prints it
}
