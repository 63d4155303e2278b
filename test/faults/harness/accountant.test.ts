import { expect, test } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import type { Database } from '../../../src/database/database.ts'
import { Accountant, type Line, type Struck } from './accountant.ts'

const AT = 1_700_000_000_000

test('a task that the record is in doubt of is not finished, and the reason is told', async () => {
  const account = await accountOf({
    ledger: [...ran('a'), ...ran('b')],
    record: [
      ['a', 'SUCCESS'],
      ['b', 'UNHEARD', 'its worker sends no events'],
    ],
  })
  expect(account).toMatchObject({
    accepted: 2,
    unfinished: ['redis.step b is UNHEARD (its worker sends no events)'],
    unrecorded: [],
    neverRan: [],
  })
})

test('a task in doubt is explained by an event of it whose bytes a network spoiled, and by nothing else', async () => {
  const id = '914f2346-13da-408e-a6d6-c9118e863791'
  const unfinished = async (status: string, ...bodies: readonly string[]) =>
    (await accountOf({ ledger: ran(id), record: [[id, status]], quarantine: bodies })).unfinished
  expect(
    await unfinished('UNHEARD', `[{"type": "task-succe\xff\xffed", "uuid": "${id}"}]`),
  ).toEqual([])
  expect(await unfinished('UNHEARD', `[{"uuid": "${id.replace('13da', '13\xffa')}"}]`)).toEqual([])
  expect(await unfinished('UNHEARD', '[{"uuid": "another"}]')).toHaveLength(1)
  expect(await unfinished('UNHEARD')).toHaveLength(1)
  expect(await unfinished('LOST', `[{"uuid": "${id}"}]`)).toHaveLength(1)
})

test('what was accepted and has no row, or never ran, is told', async () => {
  const account = await accountOf({
    ledger: [line('a', 'accepted'), ...ran('b')],
    record: [['a', 'SUCCESS']],
  })
  expect(account).toMatchObject({ unrecorded: ['b'], neverRan: ['redis.step a'] })
})

test('a second run is explained by a fault on its way shortly before, and by no other', async () => {
  const ledger = [...ran('a'), line('a', 'begin', AT + 5_000)]
  const record: readonly Row[] = [['a', 'SUCCESS']]
  const struck = (name: string, from: number): Struck => ({ name, from, to: from + 1_000 })
  const unexplained = async (fault: Struck) =>
    (await accountOf({ ledger, record, struck: [fault] })).unexplained
  expect(await unexplained(struck('Redis silent', AT + 1_000))).toEqual([])
  expect(await unexplained(struck('kill -9 of the monitor', AT + 1_000))).toHaveLength(1)
  expect(await unexplained(struck('RabbitMQ killed', AT + 6_000))).toHaveLength(1)
  expect(await unexplained(struck('RabbitMQ killed', AT - 40_000))).toHaveLength(1)
})

type Row = readonly [id: string, status: string, reason?: string]

interface Books {
  readonly ledger: readonly Line[]
  readonly record: readonly Row[]
  readonly struck?: readonly Struck[]
  /** The bodies of events that could not be read. */
  readonly quarantine?: readonly string[]
}

async function accountOf({ ledger, record, struck = [], quarantine = [] }: Books) {
  const rows = record.map(([id, status, reason]) => ({ task_id: id, status, reason }))
  const kept = quarantine.map((body) => ({ body: Buffer.from(body, 'latin1') }))
  const database = {
    query: async (text: string) => {
      if (text.includes('monitor.quarantine')) return kept
      return text.includes('celery_taskmeta') ? [] : rows
    },
  }
  const accountant = new Accountant({
    database: database as unknown as Database, // of which it asks three questions
    broker: {} as Broker, // it looks at no queue
    consumers: {},
    targets: { victims: [] } as never, // there is no process
    ledger: () => ledger,
    held: async () => ({}),
    patienceMs: 0,
  })
  return await accountant.account(struck, {})
}

function ran(id: string): readonly Line[] {
  return [line(id, 'accepted'), line(id, 'begin'), line(id, 'end')]
}

function line(id: string, what: Line['what'], at = AT): Line {
  return { id, name: 'redis.step', what, at }
}
