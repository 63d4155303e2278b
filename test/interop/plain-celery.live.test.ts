import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Monitor } from '../../src/monitor/monitor.ts'
import { startWorker } from '../support/embedded-app.ts'
import {
  finishedHistory,
  freshServers,
  keepAccounts,
  liveApp,
  migratedDatabase,
  type Servers,
} from '../support/live-app.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { waitFor } from '../support/wait-for.ts'

const PYTHONPATH = join(import.meta.dirname, 'python')
const PLAIN = { TOPOLOGY: 'celery', queues: ['celery'] } as const
/** `npm run test:scale` has 1,000. */
const QUEUED = Number(process.env.PLAIN_QUEUED ?? 200)

test('joining a plain Celery with queued tasks loses, doubles and misroutes none, and leaves its topology as it was', async () => {
  const servers = await freshServers([])
  const file = marksFile()
  await python(servers, `len([mark.delay(${JSON.stringify(file)}, n) for n in range(${QUEUED})])`)
  const before = await topologyOf(servers)
  const app = liveApp({ ...servers, queues: ['celery'] }, PLAIN)
  app.task('export.add', (x: number, y: number) => x + y)
  const worker = await startWorker(app)
  expect(await python(servers, `app.send_task('export.add', (2, 3)).get(timeout=30)`)).toBe(5)
  await startPlainWorker(servers)
  const marks = await waitFor(
    `${QUEUED} marks`,
    () => {
      const lines = readFileSync(file, 'utf8').trim().split('\n')
      return lines.length >= QUEUED && lines
    },
    { deadlineMs: 60_000 },
  )
  await worker.stop()
  await app.close()
  expect(new Set(marks).size).toBe(QUEUED)
  expect(marks).toHaveLength(QUEUED)
  const after = await topologyOf(servers)
  expect(before.filter((line) => !after.includes(line))).toEqual([])
  expect(after.filter((line) => /platform|dlq|task_exchange|export/.test(line))).toEqual([])
}, 120_000)

test('our calls are mirrored by a copy, and Python calls are recorded from events and results', async () => {
  const servers = await freshServers([])
  await startPlainWorker(servers, ['-E'])
  const app = liveApp({ ...servers, queues: ['celery'] }, PLAIN)
  const database = await migratedDatabase(servers.databaseUrl)
  const monitor = new Monitor({ broker: app.broker(), database, config: app.config })
  await monitor.start()
  onTestFinished(() => monitor.stop())
  keepAccounts(servers, database)
  const ours = await app.sendTask<number>('python.add', [2, 3])
  expect(await ours.get({ timeoutMs: 20_000 })).toBe(5)
  const theirs = await python<string>(
    servers,
    `(lambda sent: (sent.get(timeout=20), sent.id)[1])(add.delay(4, 5))`,
  )
  const rows = await finishedHistory(database, [ours.id, theirs])
  expect(rows.map((row) => [row?.name, row?.status, row?.result])).toEqual([
    ['python.add', 'SUCCESS', 5],
    ['python.add', 'SUCCESS', 9],
  ])
  const messages = await database.query(
    'select task_id, exchange, routing_key, headers ? $1 as is_marked from monitor.message',
    ['BCC'],
  )
  expect(messages).toEqual([
    { task_id: ours.id, exchange: '', routing_key: 'celery', is_marked: false },
  ])
})

function marksFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plain-celery-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'marks')
  writeFileSync(file, '')
  return file
}

async function python<Value>(servers: Servers, answer: string): Promise<Value> {
  const program = `import json\nfrom plain_app import *\nprint(json.dumps(${answer}, default=str))`
  return await runPythonJson<Value>(program, { env: { ...servers.env, PYTHONPATH } })
}

async function startPlainWorker(servers: Servers, args: readonly string[] = []): Promise<void> {
  const worker = await startPythonWorker({
    app: 'plain_app',
    queues: ['celery'],
    env: { ...servers.env, PYTHONPATH },
    args: ['--without-mingle', '--without-gossip', ...args],
  })
  onTestFinished(async () => {
    await worker.stop('SIGKILL')
  })
}

/** Exchanges, queues and bindings, one a line. */
async function topologyOf({ vhost }: Servers): Promise<readonly string[]> {
  const lists = await Promise.all([
    vhost.rabbitmqctl('list_exchanges', 'name', 'type', 'durable', 'auto_delete', 'arguments'),
    vhost.rabbitmqctl('list_queues', 'name', 'durable', 'auto_delete', 'arguments'),
    vhost.rabbitmqctl('list_bindings', 'source_name', 'destination_name', 'routing_key'),
  ])
  return lists.flatMap((list) => list.trim().split('\n')).toSorted()
}
