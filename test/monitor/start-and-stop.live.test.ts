import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { silenceable } from '../support/silenceable.ts'
import { config } from './messages.ts'
import { openPlace, type Place } from './monitored.ts'

test('a monitor that is started twice consumes once, and stops once', async () => {
  const place = await openPlace()
  const monitor = monitorOf(place)
  await Promise.all([monitor.start(), monitor.start()])
  expect(await consumers(place)).toBe(1)
  await Promise.all([monitor.stop(), monitor.stop()])
  await monitor.stop()
  expect(await consumers(place)).toBe(0)
})

test('a monitor that is stopped during its start takes nothing afterwards', async () => {
  const place = await openPlace()
  const broker = brokerOf(place)
  const declared = deferred()
  const declare = broker.declare.bind(broker)
  broker.declare = async (topology) => {
    await declared.promise
    await declare(topology)
  }
  const monitor = monitorOf(place, { broker })
  const starting = monitor.start()
  const stopping = monitor.stop()
  declared.resolve()
  await expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' })
  await stopping
  expect(await consumers(place)).toBe(0)
})

test('a monitor whose start has failed has given everything back', async () => {
  const place = await openPlace()
  const broker = brokerOf(place)
  broker.consume = async () => await Promise.reject(new Error('no consumers'))
  const monitor = monitorOf(place, { broker })
  await expect(monitor.start()).rejects.toThrow('no consumers')
  await monitor.stop()
  await monitor.stop()
})

test('with a database that has fallen silent, a stop ends within its grace, and does not fail', async () => {
  const place = await openPlace()
  const way = await silenceable(place.database.url, 5432)
  const database = await openDatabase({ url: way.url })
  onTestFinished(() => database.close())
  const monitor = monitorOf(place, { database })
  await monitor.start()
  way.swallow()
  const beganAt = performance.now()
  await monitor.stop({ graceMs: 6_000 })
  expect(performance.now() - beganAt).toBeLessThan(6_000)
}, 60_000)

function brokerOf({ vhost }: Place): Broker {
  const broker = openBroker(vhost)
  onTestFinished(() => broker.close())
  return broker
}

function monitorOf(
  place: Place,
  {
    broker = brokerOf(place),
    database = place.database,
  }: Partial<Pick<Place, 'broker' | 'database'>> = {},
): Monitor {
  const monitor = new Monitor({ broker, database, config })
  onTestFinished(async () => void (await Promise.allSettled([monitor.stop({ graceMs: 0 })])))
  return monitor
}

async function consumers({ broker }: Place): Promise<number | null> {
  return (await broker.depth(config.platformQueue)).consumers
}
