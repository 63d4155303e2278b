import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { openEnvelope } from '../../src/brokers/sqs/messages/envelope.ts'
import type { Database } from '../../src/database/database.ts'
import { ticketOf } from '../../src/protocol/claim-check.ts'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory, migratedDatabase } from '../support/live-app.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { freshSqsPlace, monitoredSqs, readyIn, sqsApp } from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'

const PATIENCE = { timeoutMs: 30_000 }
const LENGTH = 1_500_000

test('with CLAIM_CHECK what is too large for SQS runs in both languages, and is recorded whole', async () => {
  const place = await freshSqsPlace()
  const database = await monitoredSqs(place, { CLAIM_CHECK: true })
  const app = sqsApp(place, { CLAIM_CHECK: true })
  app.task('export.length', async (text: string) => text.length)
  await startWorker(app, { queues: ['export'] })
  const env = { ...place.env, CLAIM_CHECK: place.databaseUrl }
  await startPythonWorker({ env, queues: ['python'] })

  const text = 'x'.repeat(LENGTH)
  const toNode = await app.sendTask<number>('export.length', [text])
  const toPython = await app.sendTask<{ args: string[] }>('python.echo', [text])
  const fromPython = await runPythonJson<string>(
    `import json, toolbox_app
call = toolbox_app.app.send_task('export.length', ('y' * ${LENGTH},), serializer='claim-check')
print(json.dumps(call.id))`,
    { env },
  )
  expect(await toNode.get(PATIENCE)).toBe(LENGTH)
  expect((await toPython.get(PATIENCE)).args[0]).toHaveLength(LENGTH)
  expect(await app.asyncResult(fromPython).get(PATIENCE)).toBe(LENGTH)
  await finishedHistory(database, [toNode.id, toPython.id, fromPython])
  const bodies = await database.query<{ bytes: number }>(
    `SELECT octet_length(body) AS bytes FROM monitor.message WHERE task_id = ANY ($1)`,
    [[toNode.id, fromPython]],
  )
  expect(bodies).toHaveLength(2)
  for (const { bytes } of bodies) expect(Number(bytes)).toBeGreaterThan(LENGTH)
  expect(await database.query('SELECT id FROM monitor.claim')).toHaveLength(3)
}, 90_000)

test('what REDACT names is in no table of the monitor while a large body waits, and its worker gets it', async () => {
  const place = await freshSqsPlace()
  const settings = { CLAIM_CHECK: true, REDACT: ['password'] }
  const database = await monitoredSqs(place, settings)
  const app = sqsApp(place, settings)
  const secret = 'correct horse battery staple'
  const login = { password: secret.repeat(60_000) }
  const call = await app.sendTask<string>('export.start', [], login)
  await waitFor('the record', async () => {
    const rows = await database.query('SELECT 1 FROM monitor.message WHERE task_id = $1', [call.id])
    return rows.length === 1
  })
  expect(await database.query('SELECT id FROM monitor.claim')).toHaveLength(1)
  expect(await tablesThatHold(database, secret)).toEqual([])
  app.task('export.start', { params: ['password'] }, async (password: string) =>
    password.slice(0, secret.length),
  )
  await startWorker(app, { queues: ['export'] })
  expect(await call.get(PATIENCE)).toBe(secret)
}, 90_000)

test('Python opens a sealed body of Node, and Node one of Python', async () => {
  const place = await freshSqsPlace()
  const database = await migratedDatabase(place.databaseUrl)
  const app = sqsApp(place, { CLAIM_CHECK: true, REDACT: ['password'] })
  app.task('export.length', async (text: string) => text.length)
  await app.sendTask('export.length', ['x'.repeat(LENGTH)])
  const [sent] = readyIn(place, 'export')
  const { message } = openEnvelope(sent?.body ?? '', 'export')
  expect(ticketOf(message)).toMatchObject({ key: expect.any(String) })
  // Debian's Python has the cipher, the newest Celery's need not.
  const lengthAndTicket = await runPythonJson<[number, string]>(
    `import json, sys, toolbox_app
from kombu import serialization
[[text], *_] = serialization.loads(sys.argv[1], 'application/x-claim-check', 'utf-8', accept=['application/x-claim-check'])
print(json.dumps([len(text), serialization.dumps([['y' * 7], {}, {}], 'claim-check')[2]]))`,
    {
      python: 'old',
      env: { DATABASE_URL: place.databaseUrl, CLAIM_CHECK: place.databaseUrl, SEALED: '1' },
      args: [message.body.toString()],
    },
  )
  const [length, ticket] = lengthAndTicket
  expect(length).toBe(LENGTH)
  expect(await tablesThatHold(database, 'y'.repeat(7))).toEqual([])
  const id = randomUUID()
  await app.broker().publish(
    {
      headers: { ...message.headers, id, root_id: id },
      properties: { ...message.properties, correlationId: id },
      body: Buffer.from(ticket),
    },
    { exchange: '', routingKey: 'export' },
  )
  await startWorker(app, { queues: ['export'] })
  expect(await app.asyncResult(id).get(PATIENCE)).toBe(7)
}, 90_000)

test('without CLAIM_CHECK it is refused by task and size, and a ticket is kept with the reason', async () => {
  const place = await freshSqsPlace()
  await monitoredSqs(place)
  const plain = sqsApp(place)
  const length = plain.task('export.length', async (text: string) => text.length)
  await expect(length.delay('x'.repeat(LENGTH))).rejects.toThrow(
    /task "export.length" .* takes \d{7} bytes on SQS, whose limit is 1048576; .*CLAIM_CHECK/,
  )
  await sqsApp(place, { CLAIM_CHECK: true }).sendTask('export.length', ['x'.repeat(LENGTH)])
  await startWorker(plain, { queues: ['export'] })
  const [letter] = await waitFor('the letter', () => {
    const ready = readyIn(place, 'dlq.export')
    return ready.length > 0 && ready
  })
  expect(Buffer.from(letter?.body ?? '', 'base64').toString()).toMatch(
    /stored the body as claim .+ in its CLAIM_CHECK database/,
  )
})

test.each([
  ['memory://', true, /CLAIM_CHECK is True and result_backend is "memory:\/\/"/],
  ['memory://', 'redis://:secret@host/0', /CLAIM_CHECK is "redis:\/\/:\*\*\*@host\/0", expected/],
])(
  'with result_backend %s and CLAIM_CHECK %s an app does not start',
  async (result_backend, CLAIM_CHECK, message) => {
    const place = await freshSqsPlace()
    expect(() => sqsApp(place, { result_backend, CLAIM_CHECK }).broker()).toThrow(message)
  },
)

/** The tables of the monitor in which a text stands, be it within bytes. */
async function tablesThatHold(database: Database, text: string): Promise<readonly string[]> {
  const columns = await database.query<{ table: string; column: string; type: string }>(
    `SELECT c.table_name AS table, c.column_name AS column, c.data_type AS type
     FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE table_schema = 'monitor' AND table_type = 'BASE TABLE'`,
  )
  const found = new Set<string>()
  for (const { table, column, type } of columns) {
    const bytes = type === 'bytea' ? `"${column}"` : `convert_to("${column}"::text, 'UTF8')`
    const rows = await database.query(
      `SELECT 1 FROM monitor."${table}" WHERE position(convert_to($1, 'UTF8') IN ${bytes}) > 0 LIMIT 1`,
      [text],
    )
    if (rows.length > 0) found.add(table)
  }
  return [...found]
}
