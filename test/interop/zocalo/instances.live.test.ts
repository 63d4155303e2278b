import { expect, test } from 'vitest'
import { waitFor } from '../../support/wait-for.ts'
import { zocalo } from '../../support/zocalo.ts'

// Three processes are started for it: `npm run test:zocalo` alone runs this file.
test('a service has as many processes as its queue asks for, and ends when shutdown asks for it', async () => {
  const site = await zocalo()
  await site.queue('slow', 'classic')
  const transport = site.open()
  const hosts = new Set<string>()
  const ended = new Set<string>()
  await transport.subscribeBroadcast('transient.status', (_header, status) => {
    const { host, status: code } = Object(status)
    hosts.add(host)
    if (code === -2) ended.add(host)
  })
  for (let count = 0; count < 30; count += 1) await transport.send('slow', count)
  const service = site.ours('service', '-s', 'Slow', '--min', '0', '--max', '2', '--idle', '1')
  await waitFor('a second process', () => hosts.size === 2, { deadlineMs: 40_000 })
  await waitFor('the queue to be empty', async () => (await transport.depth('slow')) === 0, {
    deadlineMs: 40_000,
  })
  await waitFor('both processes to end', () => ended.size === 2, { deadlineMs: 40_000 })
  expect(await site.ours('shutdown', '-s', 'Slow').exited).toMatchObject({ code: 0 })
  expect(await service.exited).toMatchObject({ code: 0 })
  expect(service.output).toContain('in 0 to 2 instances')
}, 120_000)
