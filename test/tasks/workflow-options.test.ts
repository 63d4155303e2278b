import { describe, expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { signatureDict } from '../../src/protocol/signatures.ts'
import type { SignatureDict } from '../../src/protocol/tasks/task-request.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

type Kind = 'task' | 'chain' | 'group' | 'chord'

/** Where the workflow with the options stands; who starts it differs: the caller, or a worker. */
const PLACES = ['alone', 'behind a task', 'body of a chord', 'sent as a callback'] as const

/** How the workflow of each kind ends: the tasks that finish it. */
const ENDS: Readonly<Record<Kind, readonly string[]>> = {
  task: ['a'],
  chain: ['b'],
  group: ['a', 'b'],
  chord: ['c'],
}

const cases = PLACES.flatMap((place) =>
  (Object.keys(ENDS) as Kind[]).map((kind) => [kind, place] as const),
)

describe.each(cases)('%s, %s', (kind, place) => {
  test('link in its options is called for each end of it', async () => {
    const { app, ran } = await notingApp()
    await app.start(placed(place, workflow(kind, { link: note('linked') })))
    const expected = ENDS[kind].map(() => 'linked')
    await waitFor('the callbacks', () => count(ran, 'linked') >= expected.length)
    // Linked to a chord whose body is no group it is called with the body's value.
    expect(ran.filter((name) => name === 'linked')).toEqual(expected)
  })

  test('link_error in its options is called for what fails of it', async () => {
    const { app, ran } = await notingApp()
    await app.start(placed(place, workflow(kind, { link_error: note('caught') }, { fails: true })))
    await waitFor('the errback', () => ran.includes('caught'))
  })

  test('the steps in options.chain run behind it, the last one next', async () => {
    const { app, ran } = await notingApp()
    const chain = [note('last', 'last-id'), note('next', 'next-id')]
    await app.start(placed(place, workflow(kind, { chain })))
    await waitFor('the last step', () => ran.includes('last'))
    expect(ran.indexOf('next')).toBeGreaterThan(ran.indexOf(ENDS[kind][0] ?? ''))
    expect(ran.indexOf('last')).toBeGreaterThan(ran.indexOf('next'))
  })

  test('where it fails, the steps in options.chain fail too', async () => {
    const { app } = await notingApp()
    const chain = [note('last', 'last-id'), note('next', 'next-id')]
    await app.start(placed(place, workflow(kind, { chain }, { fails: true })))
    await expect(app.asyncResult('last-id').get({ timeoutMs: 5_000 })).rejects.toThrow('it fails')
    expect(await app.asyncResult('next-id').status()).toBe('FAILURE')
  })

  test('headers, stamps and the name of its queue reach its tasks', async () => {
    const { app, seen } = await notingApp()
    const stamps = { stamped_headers: ['tenant'], tenant: 'acme' }
    await app.start(placed(place, workflow(kind, { headers: { region: 'eu' }, ...stamps })))
    const [first] = kind === 'chord' ? ['a'] : ENDS[kind]
    await waitFor('its end', () => ENDS[kind].every((name) => seen.has(name)))
    expect(seen.get(first ?? '')).toMatchObject({ region: 'eu' })
    expect(seen.get('a')).toMatchObject({ stamps: { tenant: 'acme' } })
  })
})

test('the errbacks of a group body in its own option and of its chord are called once each', async () => {
  const { app, ran } = await notingApp()
  const body = workflow('group', { link_error: note('group') }, { fails: true })
  await app.start(chordOf([note('h')], body, { link_error: note('chord') }))
  await waitFor('both errbacks', () => ran.includes('group') && ran.includes('chord'))
  expect([count(ran, 'group'), count(ran, 'chord')]).toEqual([1, 1])
})

test('keyword arguments and arguments stored in a chord are those of its header', async () => {
  const { app, seen } = await notingApp()
  const whole = chordOf([note('h')], note('c'))
  const kwargs = { ...whole.kwargs, kwargs: { y: 2 } }
  await app.start({ ...whole, args: ['stored'], kwargs })
  await waitFor('its end', () => seen.has('c'))
  expect(seen.get('h')).toMatchObject({ args: ['stored'], kwargs: { y: 2 } })
})

function placed(place: (typeof PLACES)[number], dict: SignatureDict): SignatureDict {
  switch (place) {
    case 'alone':
      return dict
    case 'behind a task':
      return whole('chain', [note('before'), dict])
    case 'body of a chord':
      return chordOf([note('h1'), note('h2')], dict)
    case 'sent as a callback':
      return note('caller', undefined, { link: [dict] })
  }
}

function workflow(kind: Kind, options: object, { fails = false } = {}): SignatureDict {
  const [a, b] = [
    fails ? signatureDict({ task: 'node.fails', options: { task_id: 'failed' } }) : note('a'),
    note('b'),
  ]
  switch (kind) {
    case 'task':
      return { ...a, options: { ...a.options, ...options } }
    case 'chain':
    case 'group':
      return whole(kind, [a, b], options)
    case 'chord':
      return chordOf([a], note('c'), options)
  }
}

function whole(kind: 'chain' | 'group', tasks: readonly SignatureDict[], options = {}) {
  return signatureDict({ task: `celery.${kind}`, kwargs: { tasks }, options, subtask_type: kind })
}

function chordOf(header: readonly SignatureDict[], body: SignatureDict, options = {}) {
  const kwargs = { header, body, kwargs: {} }
  return signatureDict({ task: 'celery.chord', kwargs, options, subtask_type: 'chord' })
}

/** A task that notes its name. */
function note(name: string, id?: string, options = {}): SignatureDict {
  const task_id = id === undefined ? {} : { task_id: id }
  return signatureDict({ task: `node.${name}`, options: { ...options, ...task_id } })
}

function count(ran: readonly string[], name: string): number {
  return ran.filter((one) => one === name).length
}

const NAMES = [
  'a',
  'b',
  'c',
  'h',
  'h1',
  'h2',
  'before',
  'caller',
  'linked',
  'caught',
  'next',
  'last',
  'group',
  'chord',
]

async function notingApp(): Promise<{
  readonly app: CeleryApp
  readonly ran: string[]
  readonly seen: Map<string, object>
}> {
  const app = embeddedApp({ queues: ['node'] })
  const ran: string[] = []
  const seen = new Map<string, object>()
  for (const name of NAMES) {
    app.task(`node.${name}`, { bind: true }, ({ request }) => {
      ran.push(name)
      const { headers, stamps, args, kwargs } = request
      seen.set(name, { ...headers, stamps, args, kwargs })
      return name
    })
  }
  app.task('node.fails', () => {
    throw new Error('it fails')
  })
  await startWorker(app)
  return { app, ran, seen }
}
