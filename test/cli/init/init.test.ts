import { expect, test } from 'vitest'
import { filesOf } from '../../../src/cli/init/files.ts'
import { type Found, planFor } from '../../../src/cli/init/plan.ts'
import { readReport } from '../../../src/cli/init/report.ts'

const REPORT = `
software -> celery:5.7.0 (collider) kombu:5.7.0 py:3.11.7
            billiard:4.3.2 py-amqp:5.4.2
platform -> system:Linux arch:64bit, ELF
            kernel version:6.18.44 imp:CPython
loader   -> celery.loaders.app.AppLoader
settings -> transport:amqp results:redis://localhost/0

broker_url: 'amqp://shop:********@rabbit:5672//'
result_backend: 'redis://localhost/0'
deprecated_settings: None
task_default_queue: 'shop'
task_queues: [<unbound Queue shop -> <unbound Exchange shop(direct)> -> shop>,
 <unbound Queue export -> <unbound Exchange export(direct)> -> export>]
task_routes: 
    (<function by_first_part.<locals>.route at 0x7f0e5d5904a0>,)
`

test('a report of Celery shows where the app sends its calls', () => {
  expect(readReport(REPORT)).toEqual({
    version: '5.7.0',
    name: null,
    broker_url: 'amqp://shop:********@rabbit:5672//',
    result_backend: 'redis://localhost/0',
    queue: 'shop',
    exchange: 'shop',
    exchange_type: 'direct',
    queues: ['shop', 'export'],
  })
  expect(() => readReport('Traceback (most recent call last)')).toThrow(/not the output of "celery/)
})

test('the new app has a queue and a prefix that the Python app does not have', () => {
  const plan = planFor(found({ python: readReport(REPORT) }))
  expect(plan).toMatchObject({ topology: 'celery', own: 'node', others: ['shop', 'export'] })
  expect(plan.notes).toEqual(['the password is hidden: write it into .env'])
  expect(textOf(plan, 'app.ts')).toContain("task_default_queue: 'shop'")
})

test('a default queue with arguments or a pattern of its own is declared as Python declares it', () => {
  const python = {
    ...readReport(REPORT),
    exchange: 'work',
    exchange_type: 'topic',
    binding_key: 'shop.#',
    queue_arguments: { 'x-max-priority': 5 },
  }
  const text = textOf(planFor(found({ python })), 'app.ts')
  expect(text).toContain(
    '{"name":"shop","exchange":"work","exchange_type":"topic","routing_key":"shop.#","queue_arguments":{"x-max-priority":5}}',
  )
  expect(text).toContain('{"name":"node","exchange":"node","exchange_type":"direct"')
  expect(textOf(planFor(found({ python: readReport(REPORT) })), 'app.ts')).not.toMatch(
    /task_queues/,
  )
})

test('an app on the mirrored exchange is joined there, with the queues of both sides', () => {
  const python = {
    ...readReport(REPORT),
    queue: 'celery',
    exchange: 'task_exchange',
    exchange_type: 'topic',
    queues: ['celery', 'platform.fifo', 'python'],
  }
  const plan = planFor(found({ python }))
  expect(plan.topology).toBe('mirrored')
  expect(textOf(plan, 'app.ts')).toContain("queues: ['export', 'python']")
})

test('a plain Celery is known by its queue on the broker; nothing there means a new one', () => {
  const of = (names: readonly string[]): string =>
    planFor(found({ queues: new Map(names.map((name) => [name, 0])) })).topology
  expect(of(['celery'])).toBe('celery')
  expect(of(['celery', 'platform.fifo'])).toBe('mirrored')
  expect(of([])).toBe('mirrored')
})

test('brokers and results that are not known here are named', () => {
  expect(() => planFor(found({ brokerUrl: 'redis://localhost/0' }))).toThrow(/expected amqp:/)
  const plan = planFor(found({ resultBackend: 'mongodb://user:secret@host/x' }))
  expect(plan.resultBackend).toBe('rpc://')
  expect(plan.notes.join()).toMatch(/mongodb:\/\/user:\*\*\*@host\/x cannot be read here/)
})

function found(part: Partial<Found>): Found {
  return { queues: new Map(), ...part }
}

function textOf(plan: Parameters<typeof filesOf>[0], name: string): string {
  return filesOf(plan).find((file) => file.name === name)?.text ?? ''
}
