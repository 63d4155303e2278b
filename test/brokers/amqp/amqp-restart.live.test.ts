import { expect, test } from 'vitest'
import { freshVhost } from '../../support/rabbitmq.ts'
import { startBroker, stopBroker } from '../../support/rabbitmqctl.ts'
import { waitFor } from '../../support/wait-for.ts'
import { collecting, opened, publishing, work } from './flow.ts'

test('a restart of the broker loses nothing that is published and consumed meanwhile', async () => {
  const vhost = await freshVhost()
  const broker = opened(vhost.url)
  await broker.declare(work)
  const events: string[] = []
  broker.on('lost', () => events.push('lost'))
  broker.on('restored', () => events.push('restored'))
  const received = await collecting(broker)
  const flow = publishing(broker)
  await stopBroker()
  await startBroker()
  await waitFor('the reconnect', () => events.includes('restored'), { deadlineMs: 40_000 })
  const sent = await flow.stop()
  await waitFor('every message', () => sent.every((text) => received.has(text)))
  expect(events.slice(0, 2)).toEqual(['lost', 'restored'])
})
