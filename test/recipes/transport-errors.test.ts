import { expect, onTestFinished, test } from 'vitest'
import { MemoryTransport, TransportError } from '../../src/recipes/index.ts'
import { captured } from '../support/captured.ts'

interface Captured {
  readonly case: string
  readonly error: readonly [string, string] | null
}

const { cases } = captured<{ readonly cases: readonly Captured[] }>('transport_errors')

const ack = { acknowledgement: true }
const nothing = (): void => undefined

type Call = (transport: MemoryTransport) => Promise<unknown>

const CALLS: Readonly<Record<string, Call>> = {
  'expiration that is not a whole number of seconds': (t) => t.send('q', {}, { expiration: 1.5 }),
  'reconnectable with acknowledgement': (t) =>
    t.subscribe('q', nothing, { ...ack, reconnectable: true }),
  'empty queue name': (t) => t.subscribe('', nothing),
  'ack without message id': (t) => t.ack({ subscription: 1 }),
  'ack without subscription id': (t) => t.ack(5),
  'ack of an unknown subscription': (t) => t.ack(5, { subscriptionId: 77 }),
  "ack with another channel's transaction": async (t) => {
    const subscriptionId = await t.subscribe('q', nothing, ack)
    await t.ack(1, { subscriptionId, transaction: await t.transactionBegin() })
  },
  'ack of an unknown delivery tag': async (t) =>
    await t.ack(99, { subscriptionId: await t.subscribe('q', nothing, ack) }),
  'two transactions on one channel': async (t) => {
    await t.transactionBegin()
    await t.transactionBegin()
  },
  'transaction on a reconnectable subscription': async (t) => {
    const subscriptionId = await t.subscribe('q', nothing, { reconnectable: true })
    await t.transactionBegin({ subscriptionId })
  },
  'transaction on an unknown subscription': (t) => t.transactionBegin({ subscriptionId: 99 }),
  'abort of an unknown transaction': (t) => t.transactionAbort(99),
  'unsubscribe of an unknown subscription': (t) => t.unsubscribe(99),
  'unsubscribe twice': async (t) => {
    const id = await t.subscribe('q', nothing)
    await t.unsubscribe(id)
    await t.unsubscribe(id)
  },
  'drop callback of a live subscription': async (t) =>
    t.dropCallbackReference(await t.subscribe('q', nothing)),
}

/** Where Python's call seems to succeed and the channel dies of it later, ours fails, or does what was meant. */
const SUCCEEDS: ReadonlySet<string> = new Set(['expiration that is not a whole number of seconds'])

test.each(Object.keys(CALLS))(
  'a call that fails in Python fails here, and the next send is sent: %s',
  async (name) => {
    const recorded = cases.find((one) => one.case === name)
    expect(recorded).toBeDefined()
    const transport = new MemoryTransport({ name: crypto.randomUUID() })
    onTestFinished(() => transport.disconnect())
    const outcome = await Promise.resolve(CALLS[name]?.(transport)).catch((error: unknown) => error)
    if (SUCCEEDS.has(name)) expect(outcome).toBeUndefined()
    else {
      expect(outcome).toBeInstanceOf(TransportError)
      const [pythonClass, text = ''] = recorded?.error ?? []
      if (pythonClass === 'workflows.Error' && text.startsWith('Cannot')) {
        expect(outcome).toMatchObject({ message: text })
      }
    }
    await transport.send('q', 'next')
  },
)
