import { SQS } from '@aws-sdk/client-sqs'
import { expect, onTestFinished, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory } from '../support/live-app.ts'
import { runCli } from '../support/processes.ts'
import {
  freshSqsPlace,
  monitoredSqs,
  readyIn,
  type SqsPlace,
  sqsApp,
  sqsProcess,
} from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'
import { APP } from './cli-space.ts'

const SLOW = 240_000

test(
  'on SQS, queues, why, status, replay and doctor say what they say on RabbitMQ',
  async () => {
    const place = await freshSqsPlace(['export'])
    const database = await monitoredSqs(place)
    const run = commands(place)
    const called = await run('call', 'export.add', '--args', '[1, 2]', '-A', APP)
    const id = called.stdout.trim()
    const waits = await waitFor('the record', async () => {
      const why = await run('tasks', 'why', id, '-A', APP)
      return why.code === 0 && why.stdout
    })
    expect(waits).toMatch(/export/)
    const queues: readonly object[] = JSON.parse((await run('queues', '--json')).stdout)
    expect(queues).toContainEqual(
      expect.objectContaining({
        name: 'export',
        messages: 1,
        consumers: null,
        delayed: 0,
        inFlight: 0,
        oldestMs: null,
      }),
    )

    const app = sqsApp(place)
    app.task('export.add', async (x: number, y: number) => x + y)
    await startWorker(app, { queues: ['export'] })
    await finishedHistory(database, [id])
    const status = await run('status', '-A', APP)
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/OK/) })
    const replay = await run('tasks', 'replay', id, '-A', APP)
    expect(replay, replay.stdout + replay.stderr).toMatchObject({ code: 0 })
    await waitFor('the second run', async () => {
      const rows = await database.query('SELECT 1 FROM monitor.task WHERE name = $1', [
        'export.add',
      ])
      return rows.length === 2
    })
    const doctor = await run('doctor', '-A', APP)
    expect(doctor, doctor.stdout).toMatchObject({ code: 0 })
    expect(doctor.stdout).toMatch(/queue export/)
  },
  SLOW,
)

test(
  'on SQS, dead letters are listed, shown, and put back after a fix',
  async () => {
    const place = await freshSqsPlace(['export'])
    const run = commands(place)
    const old = sqsApp(place)
    const worker = await startWorker(old, { queues: ['export'] })
    const call = await old.sendTask<number>('export.add', [2, 3])
    await waitFor('the letter', () => readyIn(place, 'dlq.export').length === 1)
    await worker.stop()

    const listed = JSON.parse((await run('dead-letters', 'list', '--json')).stdout)
    expect(listed).toMatchObject([{ queue: 'export', task: 'export.add', taskId: call.id }])
    const shown = await run('dead-letters', 'show', listed[0].id, '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({
      reason: expect.stringMatching(/export\.add/),
      body: expect.stringContaining('[2, 3]'),
    })
    const missing = await run('dead-letters', 'redrive', 'nothing')
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no dead letter: nothing/),
    })
    const redriven = await run('dead-letters', 'redrive', '--all', '--json')
    expect(JSON.parse(redriven.stdout)).toMatchObject({ redriven: [listed[0].id], stay: [] })

    const app = sqsApp(place)
    let sum: number | undefined
    app.task('export.add', async (x: number, y: number) => {
      sum = x + y
    })
    await startWorker(app, { queues: ['export'] })
    await waitFor('its run', () => sum === 5)
    expect(readyIn(place, 'dlq.export')).toEqual([])
  },
  SLOW,
)

test(
  'on SQS, what the monitor cannot read is in quarantine',
  async () => {
    const place = await freshSqsPlace(['export'])
    await monitoredSqs(place)
    const run = commands(place)
    await sendNoise(place, 'platform.fifo')
    const listed = await waitFor('the row', async () => {
      const { stdout } = await run('quarantine', 'list', '--json')
      return stdout !== '[]\n' && JSON.parse(stdout)
    })
    expect(listed).toMatchObject([{ queue: 'platform.fifo', reason: expect.any(String) }])
    const shown = await run('quarantine', 'show', String(listed[0].id), '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({ body: 'noise' })
    const again = await run('quarantine', 'reinject', '--all', '--dry-run', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ looked: 1, recorded: 0 })
  },
  SLOW,
)

function commands(place: SqsPlace) {
  const { env } = sqsProcess(place)
  return (...args: string[]) => runCli(args, { env })
}

async function sendNoise({ space }: SqsPlace, queue: string): Promise<void> {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const endpoint = `http://127.0.0.1:${space.server.port}`
  const sqs = new SQS({ region: 'us-west-2', endpoint, credentials })
  onTestFinished(() => sqs.destroy())
  const { QueueUrl } = await sqs.getQueueUrl({ QueueName: space.nameOf(queue) })
  const MessageBody = 'noise'
  await sqs.sendMessage({ QueueUrl, MessageBody, MessageGroupId: 'g', MessageDeduplicationId: 'd' })
}
