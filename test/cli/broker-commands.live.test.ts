import { expect, test } from 'vitest'
import { cliSpace } from './cli-space.ts'

test('queues lists what waits and how each queue is bound', async () => {
  const cli = await cliSpace()
  await cli.run('call', 'export.add', '--args', '[1, 2]')
  const { stdout, code } = await cli.run('queues')
  expect(code).toBe(0)
  const queues: readonly { name: string }[] = JSON.parse(stdout)
  expect(queues.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    expect.objectContaining({ name: 'celery', messages: 0, consumers: 0, routingKey: 'celery' }),
    expect.objectContaining({ name: 'export', messages: 1, exchange: 'task_exchange' }),
    expect.objectContaining({ name: 'platform.fifo', messages: 1, routingKey: '#' }),
  ])
})

test('queues has no numbers for a queue that is not there yet, and makes none', async () => {
  const cli = await cliSpace()
  const { stdout } = await cli.run('queues')
  expect(JSON.parse(stdout)[0]).toMatchObject({ name: 'celery', messages: null, consumers: null })
  expect(await cli.vhost.rabbitmqctl('list_queues', 'name')).not.toContain('celery')
})

test('purge -f empties the work queues and leaves the platform queue alone', async () => {
  const cli = await cliSpace()
  await cli.run('call', 'export.add', '--args', '[1, 2]')
  const purged = await cli.run('purge', '-f', '--json')
  expect(JSON.parse(purged.stdout)).toEqual({ celery: 0, export: 1 })
  const { stdout } = await cli.run('queues', '--json')
  expect(JSON.parse(stdout)).toContainEqual(
    expect.objectContaining({ name: 'platform.fifo', messages: 1 }),
  )
})

test('purge takes the platform queue where it is named', async () => {
  const cli = await cliSpace()
  await cli.run('call', 'export.add', '--args', '[1, 2]')
  const purged = await cli.run('purge', '-Q', 'platform.fifo', '-f')
  expect(purged.stdout).toBe('platform.fifo: 1 deleted\n')
})

test('purge deletes nothing where it cannot ask, and refuses queues it does not know', async () => {
  const cli = await cliSpace()
  const unasked = await cli.run('purge')
  expect(unasked).toMatchObject({ code: 2, stdout: '' })
  expect(unasked.stderr).toContain('give -f to delete without it')
  const unknown = await cli.run('purge', '-Q', 'exprot', '-f')
  expect(unknown).toMatchObject({ code: 2 })
  expect(unknown.stderr).toContain('there is no queue "exprot"; the queues are: celery, export')
})

test('dead letters are listed, shown, and put back where they died', async () => {
  const cli = await cliSpace()
  const called = await cli.run('call', 'export.unknown', '--args', '[2, 3]')
  const worker = await cli.startWorker()
  await worker.waitForLine(/export\.unknown/)
  worker.kill('SIGTERM')
  await worker.exited

  const listed = JSON.parse((await cli.run('dead-letters', 'list', '--json')).stdout)
  expect(listed).toMatchObject([
    { queue: 'export', task: 'export.unknown', taskId: called.stdout.trim() },
  ])
  const shown = await cli.run('dead-letters', 'show', listed[0].id, '--json')
  expect(JSON.parse(shown.stdout)).toMatchObject({
    reason: expect.stringMatching(/export\.unknown/),
    body: expect.stringContaining('[2, 3]'),
  })
  const missing = await cli.run('dead-letters', 'redrive', 'nothing')
  expect(missing).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no dead letter: nothing/),
  })
  const redriven = await cli.run('dead-letters', 'redrive', '--all', '--json')
  expect(JSON.parse(redriven.stdout)).toMatchObject({ redriven: [listed[0].id], stay: [] })
  expect(JSON.parse((await cli.run('dead-letters', 'list', '--json')).stdout)).toEqual([])
  expect(JSON.parse((await cli.run('queues')).stdout)).toContainEqual(
    expect.objectContaining({ name: 'export', messages: 1 }),
  )
})

test('a broker that does not answer is exit code 1, and its password stays secret', async () => {
  const cli = await cliSpace({ CELERY_BROKER_CONNECTION_TIMEOUT: '0.5' })
  const asked = await cli.run('queues', '-b', 'amqp://guest:hidden@127.0.0.1:1/')
  expect(asked.code).toBe(1)
  expect(asked.stderr).toMatch(/error: .*127\.0\.0\.1:1.*\[BROKER_UNREACHABLE\]/)
  expect(asked.stderr).not.toContain('hidden')
})
