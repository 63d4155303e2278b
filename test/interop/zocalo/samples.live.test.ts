import { expect, test } from 'vitest'
import type { Process } from '../../support/processes.ts'
import { sorted } from '../../support/sorted.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo } from '../../support/zocalo.ts'

const DIRECTIONS = [
  ['ours', 'theirs'],
  ['theirs', 'ours'],
] as const

test.each(DIRECTIONS)(
  'SampleConsumer of %s logs the messages that SampleProducer of %s sends',
  async (consuming, producing) => {
    const site = await zocalo()
    const consumer = site[consuming]('service', '-s', 'SampleConsumer')
    const producer = site[producing]('service', '-s', 'SampleProducer')
    await consumer.waitForLine(/Message #1/, { deadlineMs: 60_000 })
    await consumer.waitForLine(/Message #2/)
    await ended(site, { SampleConsumer: consumer, SampleProducer: producer })
  },
  120_000,
)

test('SamplePipethrough sends 0 where the recipe says, and nothing of a message without a recipe', async () => {
  const site = await zocalo()
  const out = await site.queue('out')
  const transport = site.open()
  const recipe = {
    start: [[1, []]],
    '1': { queue: 'transient.destination', output: 2 },
    '2': { queue: out },
  }
  await transport.send('transient.destination', 'no recipe')
  const message = { recipe, payload: 'any', 'recipe-pointer': 1, environment: { ID: 'run' } }
  const headers = { 'workflows-recipe': true }
  await transport.send('transient.destination', message, { headers })
  const service = site.ours('service', '-s', 'SamplePipethrough')
  const [sent] = await site.messages(out, 1)
  expect(JSON.parse(sent?.body.toString() ?? '{}')).toMatchObject({
    payload: 0,
    'recipe-pointer': 2,
    'recipe-path': [1],
  })
  const [refused] = await site.messages('dlq.transient.destination', 1)
  expect(refused?.body.toString()).toBe('"no recipe"')
  expect(await service.stop()).toEqual({ code: 0, signal: null })
  expect(await transport.depth(out)).toBe(0)
}, 120_000)

test('SampleTxn passes each message on once, however many of its transactions are aborted', async () => {
  const site = await zocalo()
  const queue = await site.queue('transient.transaction', 'classic') // without a delivery limit
  const transport = site.open()
  const texts = Array.from({ length: 60 }, (_, n) => `text ${n}`)
  for (const text of texts) await transport.send(queue, text)
  const service = site.ours('service', '-s', 'SampleTxn')
  await service.waitForLine(/the transaction is aborted/)
  await waitFor('all to be settled', async () => {
    return (service.output.match(/the transaction is committed/g) ?? []).length === texts.length
  })
  expect(await service.stop()).toEqual({ code: 0, signal: null })
  const passed = await site.messages('transient.destination', texts.length)
  expect(sorted(passed.map(({ body }) => JSON.parse(body.toString())))).toEqual(sorted(texts))
  expect(await transport.depth(queue)).toBe(0)
}, 120_000)

test('SampleTxn takes what SampleTxnProducer of either language sends', async () => {
  const site = await zocalo()
  await site.queue('transient.transaction', 'classic')
  const transaction = site.ours('service', '-s', 'SampleTxn')
  await transaction.waitForLine(/is running on/)
  for (const producing of ['ours', 'theirs'] as const) {
    const producer = site[producing]('service', '-s', 'SampleTxnProducer')
    const [passed] = await site.messages('transient.destination', 1)
    expect(JSON.parse(passed?.body.toString() ?? '""')).toMatch(
      /^TXMessage #1\n\+{8}Produced@ +\d+\.\d+$/,
    )
    await ended(site, { SampleTxnProducer: producer })
  }
}, 120_000)

/** By the command: SIGTERM leaves the process of a service in Python behind. */
async function ended(site: Zocalo, services: Readonly<Record<string, Process>>): Promise<void> {
  const names = Object.keys(services).flatMap((name) => ['-s', name])
  expect(await site.ours('shutdown', ...names).exited).toMatchObject({ code: 0 })
  for (const { exited } of Object.values(services)) expect(await exited).toMatchObject({ code: 0 })
}
