import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import {
  CommonService,
  RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../../src/recipes/index.ts'
import { startBroker, stopBroker } from '../support/rabbitmqctl.ts'
import { zocaloSite } from '../support/recipes.ts'
import { waitFor } from '../support/wait-for.ts'

const PATIENCE = { deadlineMs: 45_000 }
const RUNS = 200

test('services go on after a restart of the broker in the middle of 200 runs, and no run is lost', async () => {
  const site = await zocaloSite()
  const [one, two] = [await site.queue(), await site.queue()]
  const ended = new Set<unknown>()
  class Steps extends CommonService {
    static override concurrency = 5
    override async initializing(): Promise<void> {
      const options = { acknowledgement: true, prefetchCount: 5, log: this.log }
      for (const queue of [one, two]) {
        await wrapSubscribe(this.transport, queue, (...parts) => this.#step(...parts), options)
      }
    }

    async #step(wrapper: RecipeWrapper | null, header: TransportHeader, payload: unknown) {
      const { subscription } = header
      const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
      await this.transport.ack(header, { transaction })
      await wrapper?.send(payload, { transaction })
      await this.transport.transactionCommit(transaction)
      if (wrapper?.recipePointer === 2) ended.add(payload)
    }
  }
  const service = new Steps({ transport: site.open() })
  await service.start()
  onTestFinished(() => service.stop())
  const transport = site.open()
  const recipe = { start: [[1, {}]], '1': { queue: one, output: 2 }, '2': { queue: two } }
  const started: string[] = []
  for (let n = 0; n < RUNS; n += 1) {
    const id = randomUUID()
    const nodes = { ...recipe, start: [[1, id]] }
    await new RecipeWrapper({ recipe: nodes, environment: { ID: id }, transport }).start()
    started.push(id)
    if (n !== RUNS / 2) continue
    await stopBroker()
    await startBroker()
    await waitFor(
      'the broker',
      () =>
        transport.connect().then(
          () => true,
          () => false,
        ),
      PATIENCE,
    )
  }
  await waitFor('every run', () => started.every((id) => ended.has(id)), PATIENCE)
  expect(ended.size).toBe(RUNS)
  expect(await transport.depth(`dlq.${one}`)).toBe(0)
})
