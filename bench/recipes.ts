import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../src/brokers/open-broker.ts'
import { durableQueue } from '../src/protocol/routing/topology.ts'
import {
  CommonService,
  PikaTransport,
  RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../src/recipes/index.ts'
import { openPlace, runPeer } from './environment.ts'
import { perSecondSince, type Scenario } from './measure.ts'

const QUEUES = ['bench.one', 'bench.two', 'bench.three', 'bench.end']
const MOST = 1_000
const AT_A_TIME = 20

const recipe = {
  start: [[1, { n: 1.5, text: 'x' }]],
  '1': { queue: 'bench.one', output: 2 },
  '2': { queue: 'bench.two', output: 3 },
  '3': { queue: 'bench.three', output: 4 },
  '4': { queue: 'bench.end' },
}

/** Recipe messages that wait are passed through three steps, each of which acknowledges and sends on in one transaction. */
export async function recipesScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  const broker = openBroker({ url: place.amqpUrl })
  const queues = QUEUES.map((name) => durableQueue(name))
  await broker.declare({ exchanges: [], queues, bindings: [] })
  const messages = Math.min(count, MOST)
  const fill = async (): Promise<void> => {
    await using transport = new PikaTransport({ url: place.amqpUrl })
    const wrapper = new RecipeWrapper({ recipe, environment: { ID: 'bench' }, transport })
    for (let sent = 0; sent < messages; sent += 500) {
      const some = Array.from({ length: Math.min(500, messages - sent) }, () => wrapper.start())
      await Promise.all(some)
    }
  }
  return {
    name: 'recipes',
    baseline: 'python-workflows',
    goals: [{ ours: 'celery-toolbox', than: 'python-workflows', atLeast: 4 }],
    contenders: [
      {
        name: 'python-workflows',
        run: async () => {
          await fill()
          const args = [place.amqpUrl, String(messages)]
          return Number(await runPeer('recipes_peer.py', args, place, 'PYTHON_ZOCALO'))
        },
      },
      {
        name: 'celery-toolbox',
        run: async () => {
          await fill()
          return await runOurs(place.amqpUrl, messages)
        },
      },
    ],
    close: async () => {
      await broker.close()
      await place.close()
    },
  }
}

class Steps extends CommonService {
  static override concurrency = AT_A_TIME
  passed = 0

  override async initializing(): Promise<void> {
    const options = { acknowledgement: true, prefetchCount: AT_A_TIME }
    for (const queue of QUEUES) {
      await wrapSubscribe(this.transport, queue, (...parts) => this.#step(...parts), options)
    }
  }

  async #step(wrapper: RecipeWrapper | null, header: TransportHeader, payload: unknown) {
    if (wrapper?.recipePointer === 4) {
      await this.transport.ack(header)
      this.passed += 1
      return
    }
    const { subscription } = header
    const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
    await this.transport.ack(header, { transaction })
    await wrapper?.send(payload, { transaction })
    await this.transport.transactionCommit(transaction)
  }
}

async function runOurs(url: string, messages: number): Promise<number> {
  const service = new Steps({ transport: new PikaTransport({ url }) })
  const startedAt = performance.now()
  await service.start()
  while (service.passed < messages) await sleep(5)
  const rate = perSecondSince(startedAt, messages)
  await service.stop()
  return rate
}
