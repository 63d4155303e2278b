import { expect, test } from 'vitest'
import { decodeMessage } from '../../src/recipes/transport/mangle.ts'
import { TappedRuns } from '../../src/services/tap/tapped-runs.ts'
import { captured } from '../support/captured.ts'

interface Captured {
  readonly op: 'publish' | 'deliver'
  readonly routing_key?: string
  readonly queue?: string
  readonly headers: Readonly<Record<string, { readonly value: unknown }>>
  readonly body: string
}

const { messages } = captured<{ readonly messages: readonly Captured[] }>('pipeline')

test("a recorded pipeline of Python's services is reported as the steps of one run", () => {
  const runs = new TappedRuns(['cap.ingest', 'cap.split', 'cap.store'])
  const told = messages.flatMap(({ op, headers, body, routing_key: key = '' }) =>
    runs.heard({
      isDelivery: op === 'deliver',
      routingKeys: [key],
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, { value }]) => [name, value]),
      ),
      message: decodeMessage(Buffer.from(body)),
    }),
  )
  const of = (type: string) => told.filter((event) => event.type === type)
  expect(of('recipe-dispatched')).toHaveLength(1)
  const [dispatched] = of('recipe-dispatched')
  expect(dispatched?.fields).toMatchObject({ uuid: '0f0e0d0c-0b0a-4908-8706-050403020100' })
  const names = (type: string) => new Set(of(type).map(({ fields }) => fields.name))
  expect(names('recipe-step-sent')).toEqual(new Set(['ingest', 'split', 'store']))
  expect(names('recipe-step-started')).toEqual(new Set(['ingest', 'split', 'store']))
  expect(names('recipe-step-succeeded')).toEqual(new Set(['ingest', 'split']))
  const started = new Set(of('recipe-step-started').map(({ fields }) => fields.uuid))
  const first = of('recipe-step-sent').find(({ fields }) => fields.name === 'ingest')
  expect(first?.fields.parent_id).toBe(dispatched?.fields.uuid)
  for (const { fields } of of('recipe-step-sent')) {
    expect([...started, dispatched?.fields.uuid]).toContain(fields.parent_id)
  }
})

test('what is sent to other queues, or is no recipe message, is not reported', () => {
  const runs = new TappedRuns(['cap.split'])
  expect(
    runs.heard({ isDelivery: true, routingKeys: ['cap.split'], headers: {}, message: 1 }),
  ).toEqual([])
  const told = messages
    .filter(({ op }) => op === 'publish')
    .flatMap(({ headers, body, routing_key: key = '' }) =>
      runs.heard({
        isDelivery: false,
        routingKeys: [key],
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, { value }]) => [name, value]),
        ),
        message: decodeMessage(Buffer.from(body)),
      }),
    )
  const sent = told.filter(({ type }) => type === 'recipe-step-sent')
  expect(new Set(sent.map(({ fields }) => fields.name))).toEqual(new Set(['split']))
})
