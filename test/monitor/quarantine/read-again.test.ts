import { expect, test } from 'vitest'
import type { KeptRow } from '../../../src/monitor/quarantine/kept-message.ts'
import { readerOf } from '../../../src/monitor/quarantine/read-again.ts'
import { config } from '../messages.ts'

test('what was taken out before is still known to be missing once other rules take out more', async () => {
  const row: KeptRow = {
    id: 1,
    received_at: new Date(0),
    received_at_ms: 0,
    queue: config.platformQueue,
    exchange: 'task_exchange',
    routing_key: 'export',
    properties: '{"content_type": "application/json"}',
    headers: '{"id": "a", "task": "export.add"}',
    body: Buffer.from('[[], {"password": "[redacted]", "token": "t"}, {}]'),
    code: 'ROW_REFUSED',
    reason: 'x',
    task_id: 'a',
    resolved_at: null,
    altered: { redacted: ['kwargs.password'] },
    digest: null,
  }
  const again = await readerOf({
    platformQueue: config.platformQueue,
    topology: () => config.topology(),
    REDACT: ['token'],
  })(row)
  expect(again.message?.altered).toEqual({ redacted: ['kwargs.password', 'kwargs.token'] })
})
