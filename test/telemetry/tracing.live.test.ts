import { beforeAll, expect, test } from 'vitest'
import { freshServers, liveApp } from '../support/live-app.ts'
import type { Process } from '../support/processes.ts'
import { startPythonWorker } from '../support/python-celery.ts'
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

async function pythonSpan(python: Process, name: string): Promise<PythonSpan> {
  const [, shown = ''] = await python.waitForLine(
    new RegExp(`^SPAN (\\{"name": "${name.replace('.', '\\.')}".*\\})$`, 'm'),
  )
  return JSON.parse(shown) as PythonSpan // traced_app.py prints it
}
