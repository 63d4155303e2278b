import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Schlockmeister } from '../../src/services/schlockmeister.ts'
import { siteWith } from '../support/listed-queues.ts'
import { zocaloSite } from '../support/recipes.ts'
import { waitFor } from '../support/wait-for.ts'

/** How long the service works on a message before it gives it back. */
const WORK_MS = 50

test('a message that loops while a service holds it is taken out, those that wait behind it are not', async () => {
  const site = await zocaloSite()
  const queue = await site.queue('loops', 'classic')
  const config = await siteWith({
    name: queue,
    vhost: site.options.vhost,
    messages_unacknowledged: 1,
    message_stats: { redeliver_details: { rate: 20 }, ack_details: { rate: 0 } },
  })
  const transport = site.open()
  await transport.send(queue, 'poison')
  const others = ['a', 'b', 'c', 'd']
  for (const message of others) await transport.send(queue, message)
  const taken: unknown[] = []
  await transport.subscribe(
    queue,
    async (header, message) => {
      await wait(WORK_MS)
      if (message === 'poison') return await transport.nack(header)
      taken.push(message)
      await transport.ack(header)
    },
    { acknowledgement: true },
  )
  const environment = { every: 0.02 }
  const service = new Schlockmeister({ transport: site.open(), config, environment })
  await service.start()
  onTestFinished(() => service.stop())
  const dead = await waitFor('the dead letter', () => site.broker.get(`dlq.${queue}`), {
    deadlineMs: 45_000,
  })
  expect(dead.message.body.toString()).toBe('"poison"')
  expect(dead.message.headers).toMatchObject({
    'x-death': [{ queue, reason: 'redelivered', count: 6 }],
  })
  await dead.ack()
  await service.stop()
  await expect.poll(() => taken, { timeout: 15_000 }).toEqual(others)
  expect(await site.broker.get(`dlq.${queue}`)).toBeUndefined()
}, 90_000)
