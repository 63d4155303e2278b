import { expect, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory } from '../support/live-app.ts'
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
    /stored the body in its CLAIM_CHECK database/,
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
