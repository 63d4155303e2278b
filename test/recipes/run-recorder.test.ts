import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import {
  CommonService,
  MemoryTransport,
  RecipeWrapper,
  type RunEvent,
  RunRecorder,
  wrapSubscribe,
} from '../../src/recipes/index.ts'
import { waitFor } from '../support/wait-for.ts'

const recipe = {
  start: [[1, { n: 1.5 }]],
  '1': { service: 'measure', queue: 'first', output: [2] },
  '2': { queue: 'second' },
}

class Both extends CommonService {
  override async initializing(): Promise<void> {
    const options = { acknowledgement: true, log: this.log }
    await wrapSubscribe(
      this.transport,
      'first',
      async (wrapper, header) => {
        const { subscription } = header
        const transaction = await this.transport.transactionBegin({ subscriptionId: subscription })
        await this.transport.ack(header, { transaction })
        await wrapper?.send({ size: 3 }, { transaction })
        await this.transport.transactionCommit(transaction)
      },
      options,
    )
    await wrapSubscribe(
      this.transport,
      'second',
      (_wrapper, header) => {
        if (header.redelivered === true) return this.transport.nack(header, { requeue: false })
        throw new Error('out of disk')
      },
      options,
    )
  }
}

test('a run is reported as a family: dispatched, sent, started, succeeded, failed', async () => {
  const name = randomUUID()
  const told: RunEvent[] = []
  const recorder = new RunRecorder({
    tell: async (events) => void told.push(...events),
    log: silentLogger,
  })
  const transport = new MemoryTransport({ name })
  transport.addMiddleware(recorder)
  const service = new Both({ transport })
  await service.start()
  onTestFinished(() => service.stop())
  const sender = new MemoryTransport({ name })
  sender.addMiddleware(recorder)
  onTestFinished(() => sender.disconnect())
  await new RecipeWrapper({ recipe, environment: { ID: 'run-1' }, transport: sender }).start()
  await waitFor('the end', () => told.some(({ type }) => type === 'recipe-step-given-back'))
  const steps = told.map(({ type, fields }) => `${type} ${fields.name}`)
  expect(steps).toEqual(
    [
      'recipe-dispatched recipe',
      'recipe-step-sent measure',
      'recipe-step-started measure',
      'recipe-step-sent second',
      'recipe-step-succeeded measure',
      'recipe-step-started second',
      'recipe-step-failed second',
      'recipe-step-started second',
      'recipe-step-given-back second',
    ].filter((step) => steps.includes(step)),
  )
  const [root, sent, started] = told
  expect(root?.fields).toMatchObject({
    uuid: 'run-1',
    edges: [
      ['start', '1'],
      ['1', '2'],
    ],
  })
  expect(sent?.fields).toMatchObject({ root_id: 'run-1', parent_id: 'run-1', node: 1 })
  expect(started?.fields.uuid).toBe(sent?.fields.uuid)
  const second = told.filter(({ fields }) => fields.name === 'second')
  expect(new Set(second.map(({ fields }) => fields.uuid)).size).toBe(1)
  expect(second[0]?.fields.parent_id).toBe(sent?.fields.uuid)
  expect(second.find(({ type }) => type === 'recipe-step-failed')?.fields.exception).toBe(
    'out of disk',
  )
})

test('a transaction that is aborted sent nothing, and a record that is away stops nothing', async () => {
  const told: RunEvent[] = []
  const recorder = new RunRecorder({
    tell: async (events) => {
      if (told.length > 0) throw new Error('away')
      told.push(...events)
    },
    log: silentLogger,
  })
  await using transport = new MemoryTransport({ name: randomUUID() })
  transport.addMiddleware(recorder)
  const wrapper = new RecipeWrapper({ recipe, environment: { ID: 'run-2' }, transport })
  const transaction = await transport.transactionBegin()
  await wrapper.start({ transaction })
  await transport.transactionAbort(transaction)
  await wrapper.start()
  await wrapper.start()
  await recorder.flushed()
  expect(told.map(({ type }) => type)).toEqual(['recipe-dispatched', 'recipe-step-sent'])
})
