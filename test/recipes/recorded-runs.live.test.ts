import { createApp } from 'celery-toolbox'
import { Config } from 'celery-toolbox/config'
import { familyTree } from 'celery-toolbox/monitor'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import type { TreeNode } from '../../src/monitor/queries/family-tree.ts'
import {
  CommonService,
  MemoryTransport,
  RecipeWrapper,
  RunRecorder,
  type TransportHeader,
  wrapSubscribe,
} from '../../src/recipes/index.ts'
import { openPlace, startMonitor } from '../monitor/monitored.ts'
import { waitFor } from '../support/wait-for.ts'

class Passing extends CommonService {
  override async initializing(): Promise<void> {
    for (const queue of ['find', 'store']) {
      const pass = async (
        wrapper: RecipeWrapper | null,
        header: TransportHeader,
        payload: unknown,
      ) => {
        await wrapper?.send(payload)
        await this.transport.ack(header)
      }
      await wrapSubscribe(this.transport, queue, pass, { acknowledgement: true, log: this.log })
    }
  }
}

test('a run of a recipe is a family in the record, of the kind recipe-step', async () => {
  const place = await openPlace()
  await startMonitor(place)
  const app = createApp(
    new Config({ broker_url: place.vhost.url, queues: ['export'], dotenv: false, environment: {} }),
  )
  onTestFinished(() => app.close())
  const transport = new MemoryTransport({ name: place.vhost.name })
  const recorder = new RunRecorder({
    tell: (events) => app.events.deliver(events),
    log: silentLogger,
  })
  transport.addMiddleware(recorder)
  const service = new Passing({ transport })
  await service.start()
  onTestFinished(() => service.stop())
  const recipe = {
    start: [[1, 'x']],
    '1': { service: 'find spots', queue: 'find', output: 2 },
    '2': { queue: 'store' },
  }
  const id = '0f0e0d0c-0b0a-4908-8706-050403020100'
  await new RecipeWrapper({ recipe, environment: { ID: id }, transport }).start()
  const rows = await waitFor('the record', async () => {
    const found = await place.database.query<{ name: string; kind: string; state: string }>(
      'select name, kind, state from monitor.task where root_id = $1 order by kind, name',
      [id],
    )
    return found.filter(({ state }) => state === 'SUCCESS').length === 3 ? found : undefined
  })
  expect(rows).toEqual([
    { name: 'recipe', kind: 'recipe', state: 'SUCCESS' },
    { name: 'find spots', kind: 'recipe-step', state: 'SUCCESS' },
    { name: 'store', kind: 'recipe-step', state: 'SUCCESS' },
  ])
  const tree = await familyTree(place.database, id)
  expect(lines(tree?.roots ?? [])).toEqual([
    'recipe SUCCESS',
    '  find spots SUCCESS',
    '    store SUCCESS',
  ])
})

function lines(nodes: readonly TreeNode[], depth = 0): string[] {
  return nodes.flatMap(({ task: { name, status }, children }) => [
    `${'  '.repeat(depth)}${name} ${status}`,
    ...lines(children, depth + 1),
  ])
}
