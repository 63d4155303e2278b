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
import { resumeStep, unfinishedSteps, whyNot } from '../../src/recipes/record/resume-run.ts'
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
  const { place, transport } = await recorded()
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

test('a run that failed goes on from there: what finished does not run again', async () => {
  const { place, transport, recorder } = await recorded()
  const done: string[] = []
  let isBroken = true
  class Failing extends CommonService {
    override async initializing(): Promise<void> {
      for (const queue of ['first', 'second', 'third']) {
        const take = async (wrapper: RecipeWrapper | null, header: TransportHeader) => {
          if (queue === 'second' && isBroken) throw new Error('the disk is full')
          done.push(queue)
          await wrapper?.send('on')
          await this.transport.ack(header)
        }
        await wrapSubscribe(this.transport, queue, take, { acknowledgement: true, log: this.log })
      }
    }
  }
  const service = new Failing({ transport })
  await service.start()
  onTestFinished(() => service.stop())
  const recipe = {
    start: [[1, 1.5]],
    '1': { queue: 'first', output: 2 },
    '2': { queue: 'second', output: 3 },
    '3': { queue: 'third' },
  }
  const id = crypto.randomUUID()
  await new RecipeWrapper({ recipe, environment: { ID: id }, transport }).start()
  await waitFor('the dead letter', async () => (await transport.depth('dlq.second')) === 1)
  await recorder.flushed()
  const step = await waitFor('the step', async () => {
    const steps = await unfinishedSteps(place.database, id)
    return steps.find(({ state }) => state === 'FAILURE')
  })
  expect(await whyNot(transport, step)).toMatch(/may still run/)
  expect(await whyNot(transport, { ...step, quietSeconds: 60 })).toBeNull()
  isBroken = false
  if (step.sent !== null) await resumeStep(transport, step.sent)
  await waitFor('the end', () => done.includes('third'))
  expect(done).toEqual(['first', 'second', 'third'])
  await waitFor('the record', async () => (await unfinishedSteps(place.database, id)).length === 0)
})

test('a step whose message is not in the record as it was sent cannot be resumed', async () => {
  const { place, transport, recorder } = await recorded({
    config: new Config({
      queues: ['export'],
      REDACT: ['password'],
      dotenv: false,
      environment: {},
    }),
  })
  const id = crypto.randomUUID()
  const recipe = { start: [[1, { password: 'hunter2' }]], '1': { queue: 'first' } }
  await new RecipeWrapper({ recipe, environment: { ID: id }, transport }).start()
  await recorder.flushed()
  const [step] = await waitFor('the step', async () => {
    const steps = await unfinishedSteps(place.database, id)
    return steps.length > 0 ? steps : undefined
  })
  if (step === undefined) throw new Error('waited for above')
  expect(step.sent).toBeNull()
  expect(await whyNot(transport, { ...step, quietSeconds: 60 })).toMatch(
    /not in the record as it was sent/,
  )
})

async function recorded(options: Parameters<typeof startMonitor>[1] = {}) {
  const place = await openPlace()
  await startMonitor(place, options)
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
  return { place, transport, recorder }
}

function lines(nodes: readonly TreeNode[], depth = 0): string[] {
  return nodes.flatMap(({ task: { name, status }, children }) => [
    `${'  '.repeat(depth)}${name} ${status}`,
    ...lines(children, depth + 1),
  ])
}
