import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import {
  CommonService,
  FrontEnd,
  MemoryTransport,
  type ServiceClass,
  SiteConfig,
} from '../../src/recipes/index.ts'
import { captured } from '../support/captured.ts'
import { waitFor } from '../support/wait-for.ts'

interface Capture {
  readonly messages: readonly { readonly body: string }[]
  readonly published: readonly { readonly body: string }[]
}

/** Shares of time differ from run to run, the keys that stand there do not. */
const comparable = (body: string): string => body.replaceAll(/(": )\d\.\d+(?=[,}])/g, '$1<share>')

const statusOf = (body: string): number => JSON.parse(body).status

class CapStore extends CommonService {
  static override serviceName = 'Capture Store'
  override async initializing(): Promise<void> {
    const settle = { acknowledgement: true }
    await this.transport.subscribe('cap.store', (header) => this.transport.ack(header), settle)
  }
}

class CapTimer extends CommonService {
  static override serviceName = 'Capture Timer'
  #ticks = 0
  override async initializing(): Promise<void> {
    // Sooner than the half second after which it would be reported as idle.
    this.registerIdle(0.3, async () => {
      this.#ticks += 1
      await this.transport.send('cap.classic', { tick: this.#ticks }, { expiration: 30 })
      if (this.#ticks === 2) this.requestTermination()
    })
  }
}

class CapCrash extends CommonService {
  static override serviceName = 'Capture Crash'
  override async initializing(): Promise<void> {
    throw new Error('no such queue')
  }
}

test('a service reports what Python reports, byte for byte: start, a message, an end by command', async () => {
  const { messages } = captured<Capture>('status_service')
  const run = await started(CapStore, { messages, tag: 'blue' })
  await waitFor('it is idle', () => run.statuses.at(-1) === 2)
  await run.transport.send('cap.store', {})
  await waitFor('it is idle again', () => run.statuses.join() === '0,1,2,4,2')
  expect(run.bodies.map(comparable)).toEqual(
    messages.slice(0, 5).map(({ body }) => comparable(body)),
  )
  await run.transport.broadcast('command', { command: 'shutdown', host: run.host })
  expect(await run.ended).toBe(0)
  await waitFor('the last broadcast', () => run.statuses.at(-1) === -2)
})

// Python's is killed by its front end; ours ends in order, and reports that as 5 in between.
test('a service that ends by itself reports what Python reports, byte for byte', async () => {
  const { messages, published } = captured<Capture>('status_timer')
  const run = await started(CapTimer, { messages })
  const ticks: string[] = []
  await run.transport.subscribe('cap.classic', (_header, body) => void ticks.push(textOf(body)), {
    disableMangling: true,
  })
  expect(await run.ended).toBe(0)
  await waitFor('the last broadcast', () => run.statuses.at(-1) === -2)
  expect(run.statuses).toContain(5)
  expect(distinct(run.bodies)).toEqual(messages.map(({ body }) => comparable(body)))
  expect(ticks).toEqual(published.map(({ body }) => body))
})

// The recorded service died of a message, which here ends none; it ends alike where it cannot start.
test('a service that fails reports what Python reports, byte for byte, and ends with exit code 1', async () => {
  const { messages } = captured<Capture>('status_crash')
  const run = await started(CapCrash, { messages })
  expect(await run.ended).toBe(1)
  await waitFor('the last broadcast', () => run.statuses.at(-1) === -2)
  expect(distinct(run.bodies)).toEqual(
    without(
      [2, 4],
      messages.map(({ body }) => comparable(body)),
    ),
  )
})

/** A front end with its service, and all that it broadcasts. */
async function started(
  serviceClass: ServiceClass,
  { messages, tag }: { messages: Capture['messages']; tag?: string },
) {
  const name = randomUUID()
  const transport = new MemoryTransport({ name })
  onTestFinished(() => transport.disconnect())
  const bodies: string[] = []
  await transport.subscribeBroadcast(
    'transient.status',
    (_header, body) => void bodies.push(textOf(body)),
    { disableMangling: true },
  )
  const host: string = JSON.parse(messages[0]?.body ?? '{}').host
  const frontEnd = new FrontEnd({
    serviceClass,
    host,
    tag,
    openTransport: () => new MemoryTransport({ name }),
    config: SiteConfig.fromString('version: 1'),
    log: silentLogger,
  })
  const ended = frontEnd.run()
  return {
    transport,
    host,
    ended,
    bodies,
    get statuses(): readonly number[] {
      return bodies.map(statusOf)
    },
  }
}

/** Consecutive equal ones are recorded once, and the state that Python's are killed in is left out. */
function distinct(bodies: readonly string[]): readonly string[] {
  return without([5], bodies.map(comparable)).filter((body, index, all) => body !== all[index - 1])
}

function without(codes: readonly number[], bodies: readonly string[]): readonly string[] {
  const share = new RegExp(`, "[${codes.join('')}]": <share>`, 'g')
  const state = new RegExp(`"status": [${codes.join('')}],`)
  return bodies.filter((body) => !state.test(body)).map((body) => body.replaceAll(share, ''))
}

function textOf(body: unknown): string {
  return Buffer.from(body as Uint8Array).toString()
}
