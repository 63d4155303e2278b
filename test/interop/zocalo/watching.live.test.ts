import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeJson } from '../../../src/codecs/json/json.ts'
import { startProcess } from '../../support/processes.ts'
import { sorted } from '../../support/sorted.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo, zocaloProgram } from '../../support/zocalo.ts'

test('status-monitor shows what services say of themselves, as lines and as a table', async () => {
  const site = await zocalo()
  const lines = site.ours('status-monitor', '--json')
  await waitFor('the monitor to listen', async () => await hasConnection(site, 'status-monitor'))
  const service = site.ours('service', '-s', 'SampleConsumer', '--tag', 'blue')
  await lines.waitForLine(
    /"status": 2.*"serviceclass": "SampleConsumer"|"serviceclass": .*"status": 2/,
  )
  const table = site.ours('status-monitor', '--for', '8')
  expect(await table.exited).toEqual({ code: 0, signal: null })
  const [title = '', row = '', ...others] = table.stdout.trim().split('\n')
  expect(title).toMatch(/^HOST +SERVICE +STATUS +BUSY +TAG +HEARD$/)
  expect(row).toMatch(/^\S+\.\d+ +Message Consumer +idle +\d+ % +blue +\d+ s ago$/)
  expect(others).toEqual([])
  expect(await service.stop()).toEqual({ code: 0, signal: null })
  expect(await lines.stop()).toEqual({ code: 0, signal: null })
}, 120_000)

test('a job goes on reporting itself when its connection was lost, and says on SIGUSR2 where it is', async () => {
  const site = await zocalo()
  const tasks: unknown[] = []
  await site.open().subscribeBroadcast('transient.status', (_header, message) => {
    tasks.push(JSON.parse(encodeJson(message)).task)
  })
  const job = site.ours('wrap', '--wrap', 'dummy')
  await waitFor('the job to report itself', () => tasks.includes('dummy'))
  expect(await hasConnection(site, `wrap dummy ${job.pid}`)).toBe(true)
  job.kill('SIGUSR2')
  await job.waitForLine(/SIGUSR2: where it is now/)
  await job.waitForLine(/what it waits for: .*Timeout/)
  await site.vhost.closeConnections()
  tasks.length = 0
  await waitFor('the later half of the job', () => tasks.includes('dummy (still running)'), {
    deadlineMs: 30_000,
  })
  expect(await job.exited).toEqual({ code: 0, signal: null })
}, 120_000)

test('what dlq-purge prints can be piped into dlq-reinject', async () => {
  const site = await zocalo()
  const queue = await site.queue('cap.poison')
  const transport = site.open()
  await transport.subscribe(queue, (header) => transport.nack(header, { requeue: false }), {
    acknowledgement: true,
  })
  for (const text of ['one', 'two']) await transport.send(queue, text)
  await waitFor('the letters', async () => (await transport.depth(`dlq.${queue}`)) === 2)
  await transport.disconnect()
  const location = join(site.folder, 'DLQ')
  const purged = site.ours('dlq-purge', '--location', location, queue)
  expect(await purged.exited).toMatchObject({ code: 0 })
  const env = { ZOCALO_CONFIG: join(site.folder, 'site.yml') }
  const back = startProcess(process.execPath, [zocaloProgram('dlq-reinject'), '-r'], {
    env,
    input: purged.stdout,
  })
  expect(await back.exited).toMatchObject({ code: 0 })
  expect(back.stdout).toContain('2 filenames read from stdin')
  const bodies = (await site.messages(queue, 2)).map(({ body }) => body.toString())
  expect(sorted(bodies)).toEqual(['"one"', '"two"'])
  const left = readdirSync(location, { recursive: true, encoding: 'utf8' })
  expect(left.filter((name) => name.includes('msg-'))).toEqual([])
}, 120_000)

async function hasConnection({ vhost }: Zocalo, name: string): Promise<boolean> {
  const listed = await vhost.rabbitmqctl('list_connections', 'vhost', 'client_properties')
  const lines = listed.split('\n').filter((line) => line.startsWith(`${vhost.name}\t`))
  return lines.some((line) => line.includes(name))
}
