import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { encodeJson } from '../../src/codecs/json/json.ts'
import { silentLogger } from '../../src/logger.ts'
import {
  CommonService,
  FrontEnd,
  MemoryTransport,
  type ServiceClass,
  SiteConfig,
  type TransportHeader,
} from '../../src/recipes/index.ts'
import { livenessServer } from '../../src/recipes/service/liveness.ts'
import { waitFor } from '../support/wait-for.ts'

type Take = (header: TransportHeader, message: unknown, service: CommonService) => unknown

/** A service of one queue that does what the test says. */
function serviceTaking(
  take: Take,
  prefetchCount = 1,
  initialize?: (service: CommonService) => void,
) {
  return class Taking extends CommonService {
    static override serviceName = 'Taking'
    static override concurrency = prefetchCount
    override async initializing(): Promise<void> {
      initialize?.(this)
      await this.transport.subscribe(
        'q',
        async (header, message) => {
          await take(header, message, this)
          await this.transport.ack(header)
        },
        { acknowledgement: true, prefetchCount },
      )
    }
  }
}

async function running(serviceClass: ServiceClass) {
  const name = randomUUID()
  const transport = new MemoryTransport({ name })
  const service = new serviceClass({ transport: new MemoryTransport({ name, deliveryLimit: 2 }) })
  onTestFinished(async () => {
    await service.stop()
    await transport.disconnect()
  })
  await service.start()
  return { transport, service }
}

test('a message that fails is given back until it is a dead letter, and the service goes on', async () => {
  const taken: unknown[] = []
  const { transport } = await running(
    serviceTaking((_header, message) => {
      taken.push(message)
      if (message === 'bad') throw new Error('not to my taste')
    }),
  )
  const dead: unknown[] = []
  await transport.subscribe('dlq.q', (_header, message) => void dead.push(message))
  await transport.send('q', 'bad')
  await transport.send('q', 'good')
  await waitFor('both', () => dead.length === 1 && taken.includes('good'))
  expect(taken.filter((message) => message === 'bad')).toHaveLength(3)
})

test('no more messages run at a time than the service says', async () => {
  let [now, most] = [0, 0]
  const { transport } = await running(
    serviceTaking(async () => {
      now += 1
      most = Math.max(most, now)
      await new Promise((resolve) => setTimeout(resolve, 10))
      now -= 1
    }, 3),
  )
  const done = transport.send('q', 1)
  for (let n = 0; n < 8; n += 1) await transport.send('q', n)
  await done
  await waitFor('the end', async () => now === 0 && (await transport.depth('q')) === 0)
  expect(most).toBe(3)
})

test('while a need is away nothing is begun and nothing is given back; afterwards all is done', async () => {
  let isThere = true
  const attempts: unknown[] = []
  const redelivered: unknown[] = []
  const { transport } = await running(
    serviceTaking(
      (header, message) => {
        attempts.push(message)
        redelivered.push(header.redelivered)
        if (!isThere) throw new Error('database away')
      },
      1,
      (service) => {
        service.needs = { database: () => isThere }
      },
    ),
  )
  await transport.send('q', 0)
  await waitFor('the first', () => attempts.length === 1)
  isThere = false
  for (const n of [1, 2, 3]) await transport.send('q', n)
  await waitFor('a try', () => attempts.length === 2)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(attempts).toEqual([0, 1])
  isThere = true
  await waitFor('the rest', () => attempts.length === 5)
  expect(attempts).toEqual([0, 1, 1, 2, 3])
  expect(redelivered).toEqual([false, false, false, false, false])
})

test('the idle timer runs when nothing has arrived for so long, and alone', async () => {
  const order: string[] = []
  const { transport } = await running(
    serviceTaking(
      () => order.push('message'),
      1,
      (service) => {
        service.registerIdle(0.03, async () => {
          order.push('timer begins')
          await new Promise((resolve) => setTimeout(resolve, 20))
          order.push('timer ends')
        })
      },
    ),
  )
  await waitFor('the timer', () => order.includes('timer begins'))
  await transport.send('q', 1)
  await waitFor('the message', () => order.includes('message'))
  const at = order.indexOf('message')
  expect(order[at - 1]).toBe('timer ends')
})

test('a stop lets the message in hand finish, then the last hook runs', async () => {
  const order: string[] = []
  let begun = false
  class Slow extends serviceTaking(async () => {
    begun = true
    await new Promise((resolve) => setTimeout(resolve, 50))
    order.push('finished')
  }) {
    override async inShutdown(): Promise<void> {
      order.push('last hook')
    }
  }
  const { transport, service } = await running(Slow)
  await transport.send('q', 1)
  await waitFor('the message', () => begun)
  await service.stop()
  expect(order).toEqual(['finished', 'last hook'])
})

test('a front end reports what its service does, and ends on request', async () => {
  const name = randomUUID()
  const statuses: Record<string, unknown>[] = []
  const transport = new MemoryTransport({ name })
  onTestFinished(() => transport.disconnect())
  await transport.subscribeBroadcast('transient.status', (_header, status) => {
    statuses.push(JSON.parse(encodeJson(status)))
  })
  const frontEnd = frontEndOf(
    serviceTaking(() => undefined),
    name,
    { tag: 'blue' },
  )
  const ended = frontEnd.run()
  const codes = () => statuses.map(({ status }) => status)
  await waitFor('idle', () => codes().includes(2))
  await transport.send('q', 1)
  await waitFor('processing, then idle', () => codes().slice(-2).join() === '4,2')
  await transport.broadcast('command', { command: 'shutdown', service: 'Other' })
  await transport.broadcast('command', { command: 'shutdown' })
  await transport.broadcast('command', 'shutdown')
  await transport.broadcast('command', { command: 'shutdown', service: 'Taking', host: 'ws.1' })
  expect(await ended).toBe(0)
  await waitFor('the last one', () => codes().at(-1) === -2)
  expect(codes().filter((code, at) => code !== codes()[at - 1])).toEqual([0, 1, 2, 4, 2, 5, 6, -2])
  expect(Object.keys(statuses[1] ?? {})).toEqual([
    'host',
    'status',
    'statustext',
    'service',
    'serviceclass',
    'utilization',
    'workflows',
    'zocalo',
    'tag',
  ])
  expect(statuses[0]).toMatchObject({ host: 'ws.1', utilization: { '0': 1 } })
  expect(statuses.at(-1)).toMatchObject({ service: null, serviceclass: null })
})

test('an instance that cannot start is started again, or is the end with exit code 1', async () => {
  let tries = 0
  class Failing extends CommonService {
    override async initializing(): Promise<void> {
      tries += 1
      if (tries < 3) throw new Error('not yet')
    }
  }
  expect(await frontEndOf(Failing, randomUUID()).run()).toBe(1)
  const frontEnd = frontEndOf(Failing, randomUUID(), { restart: true })
  const ended = frontEnd.run()
  await waitFor('the third try', () => tries === 3)
  await frontEnd.stop()
  expect(await ended).toBe(0)
})

test('a service leaves by itself when its lifetime is over', async () => {
  const frontEnd = frontEndOf(
    serviceTaking(() => undefined),
    randomUUID(),
    { maxLifetimeMs: 30 },
  )
  expect(await frontEnd.run()).toBe(0)
})

test('liveness answers 200 while the service takes things, and 408 where it does not in time', async () => {
  let isFree: () => Promise<void> = async () => undefined
  const liveness = livenessServer({ port: 0, timeoutMs: 30, isFree: () => isFree() })
  await liveness.start()
  onTestFinished(() => liveness.stop())
  const ask = async () => await fetch(`http://127.0.0.1:${liveness.port}/any`)
  const well = await ask()
  expect([well.status, await well.text(), well.headers.get('content-type')]).toEqual([
    200,
    'ok',
    'text/plain; charset=utf-8',
  ])
  isFree = () => new Promise(() => undefined)
  expect((await ask()).status).toBe(408)
})

test('what is logged inside extendLog has the field, and so has the error that leaves it', async () => {
  const records: unknown[] = []
  const write = (fields: unknown, sentence?: unknown) => void records.push([fields, sentence])
  const log = { ...silentLogger, info: write, error: write }
  const service = new CommonService({ transport: new MemoryTransport(), log })
  await service.extendLog('recipe_ID', 'run-1', async () => {
    await Promise.resolve()
    service.log.info({ n: 1 }, 'inside')
  })
  service.log.info('outside')
  expect(records).toEqual([
    [{ recipe_ID: 'run-1', n: 1 }, 'inside'],
    [{}, 'outside'],
  ])
})

function frontEndOf(
  serviceClass: ServiceClass,
  name: string,
  options: Partial<ConstructorParameters<typeof FrontEnd>[0]> = {},
): FrontEnd {
  return new FrontEnd({
    serviceClass,
    openTransport: () => new MemoryTransport({ name }),
    config: SiteConfig.fromString('version: 1'),
    log: silentLogger,
    host: 'ws.1',
    ...options,
  })
}
