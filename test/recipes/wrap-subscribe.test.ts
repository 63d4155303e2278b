import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import {
  MemoryTransport,
  RecipeWrapper,
  wrapSubscribe,
  wrapSubscribeBroadcast,
} from '../../src/recipes/index.ts'
import { waitFor } from '../support/wait-for.ts'

const recipe = {
  start: [[1, { n: 1 }]],
  '1': { queue: 'first', parameters: { gain: 2 }, output: [2] },
  '2': { queue: 'second', topic: 'news' },
}

test('a recipe message comes with its wrapper, and what it sends goes on', async () => {
  const transport = opened()
  const ids: unknown[] = []
  const ends: unknown[] = []
  await wrapSubscribe(
    transport,
    'first',
    async (wrapper, header, payload) => {
      await wrapper?.send({ doubled: [payload, wrapper.recipeStep] })
      await transport.ack(header)
    },
    {
      acknowledgement: true,
      logExtender: async (field, value, work) => {
        ids.push([field, value])
        return await work()
      },
    },
  )
  await wrapSubscribe(transport, 'second', (wrapper) => {
    ends.push([wrapper?.recipePath, wrapper?.recipePointer, wrapper?.payload])
  })
  await wrapSubscribeBroadcast(transport, 'news', (wrapper) => {
    ends.push(wrapper?.environment)
  })
  await new RecipeWrapper({ recipe, environment: { ID: 'run-1' }, transport }).start()
  await waitFor('both ends', () => ends.length === 2)
  expect(ids).toEqual([['recipe_ID', 'run-1']])
  expect(ends).toContainEqual([[1], 2, { doubled: [{ n: 1 }, recipe['1']] }])
  expect(ends).toContainEqual({ ID: 'run-1' })
})

test.each([true, 1, 'True', 'true'])('a header of %j marks a recipe message', async (mark) => {
  const transport = opened()
  const seen: unknown[] = []
  await wrapSubscribe(transport, 'q', (wrapper) => void seen.push(wrapper !== null), {
    allowNonRecipeMessages: true,
  })
  const message = { recipe, 'recipe-pointer': '1' }
  await transport.send('q', message, { headers: { 'workflows-recipe': mark } })
  await transport.send('q', message, { headers: { 'workflows-recipe': 'yes' } })
  await transport.send('q', message)
  await waitFor('the messages', () => seen.length === 3)
  expect(seen).toEqual([true, false, false])
})

test('a message without a recipe is given back until it is a dead letter', async () => {
  const transport = opened()
  const dead: unknown[] = []
  const called: unknown[] = []
  await transport.subscribe('dlq.q', (_header, message) => void dead.push(message))
  await wrapSubscribe(transport, 'q', () => void called.push('called'), { acknowledgement: true })
  await transport.send('q', 'plain')
  await waitFor('the dead letter', () => dead.length === 1)
  expect([dead, called]).toEqual([['plain'], []])
})

test('bodies in a form of their own are read and written by the functions given', async () => {
  const transport = opened()
  const seen: unknown[] = []
  await wrapSubscribe(transport, 'first', (wrapper) => wrapper?.send('x'), {
    mangleForReceiving: (body) =>
      JSON.parse(
        Buffer.from(body as Uint8Array)
          .toString()
          .slice(1),
      ),
    mangleForSending: (message) => `!${JSON.stringify(message.payload)}`,
  })
  await transport.subscribe('second', (_header, body) => void seen.push(body), {
    disableMangling: true,
  })
  await transport.rawSend('first', `!${JSON.stringify({ recipe, 'recipe-pointer': 1 })}`, {
    headers: { 'workflows-recipe': true },
  })
  await waitFor('the body', () => seen.length === 1)
  expect(Buffer.from(seen[0] as Uint8Array).toString()).toBe('!"x"')
})

function opened(): MemoryTransport {
  const transport = new MemoryTransport({ name: randomUUID() })
  onTestFinished(() => transport.disconnect())
  return transport
}
