import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Message } from '../../../src/protocol/message.ts'
import { captured } from '../../support/captured.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo } from '../../support/zocalo.ts'

/** A value of an AMQP table with its type. */
interface Typed {
  readonly type: string
  readonly value: unknown
}

interface Captured {
  readonly queue: string
  readonly headers: Readonly<Record<string, Typed>>
  readonly body: string
}

interface LetterFile {
  readonly header: Readonly<Record<string, unknown>>
  readonly message: unknown
}

interface Run {
  readonly command: readonly string[]
  readonly stdout: string
}

test('what is given back too often has the headers that Python saw, on its way and as a dead letter, twice', async () => {
  const { deliveries, dead_letters: letters } = captured<{
    deliveries: readonly Captured[]
    dead_letters: readonly Captured[]
  }>('dead_letter')
  const { files } = captured<{ files: readonly { json: LetterFile }[] }>('dlq_second_death')
  const site = await zocalo()
  const queue = await site.queue('cap.poison')
  const seen = await poisoning(site, queue)
  const first = deliveries.filter(({ headers }) => !('x-delivery-count' in headers))
  for (const { headers, body } of first) {
    await seen.transport.rawSend(queue, body, { headers: plainTable(headers) })
  }
  await waitFor('six deliveries', () => seen.headers.length === 6)
  const inOrder = (one: object, other: object): number =>
    JSON.stringify(one).localeCompare(JSON.stringify(other))
  expect(seen.headers.map(sorted).sort(inOrder)).toEqual(
    deliveries.map(({ headers }) => sorted(plainTable(headers))).sort(inOrder),
  )
  const dead = await site.messages(`dlq.${queue}`, 2)
  expect(dead.map(({ body }) => body.toString())).toEqual(letters.map(({ body }) => body))
  expect(dead.map(deadHeaders)).toEqual(
    letters.map(({ headers }) => deadHeaders({ headers: plainTable(headers) })),
  )
  // Reinjected, they die again: their history is a text by then, and the broker begins a new one.
  for (const { json } of files) {
    const { 'x-delivery-count': count, ...header } = json.header
    const headers = {
      ...brokersOwn(header),
      'x-death': "[{'count': 1}]",
      'x-delivery-count': count,
    }
    await seen.transport.send(queue, json.message, { headers })
  }
  await waitFor('the letters', async () => (await seen.transport.depth(`dlq.${queue}`)) === 3)
  await seen.transport.disconnect()
  const purged = await purge(site, { command: ['', '--location', 'DLQ3', queue], stdout: '' })
  expect(purged.letters.map(comparable)).toEqual(files.map(({ json }) => comparable(json)))
}, 60_000)

test('two letters of one moment are two files, where zocalo.dlq_purge keeps the last', async () => {
  const { deliveries, run, files } = captured<{
    deliveries: readonly Captured[]
    run: Run
    files: readonly { json: LetterFile }[]
  }>('dlq_expired_same_moment')
  const site = await zocalo()
  const transport = site.open()
  for (const { queue, headers, body } of deliveries) {
    await site.queue(queue.replace(/^dlq\./, ''), 'classic')
    await transport.rawSend(queue, body, { headers: plainTable(headers) })
  }
  const purged = await purge(site, run)
  expect(purged.code).toBe(0)
  expect(purged.stdout.match(/-000-1(-2)?\n/g)?.sort()).toEqual(['-000-1\n', '-000-1-2\n'])
  expect(purged.stdout.replaceAll('-000-1-2', '-000-1')).toBe(run.stdout)
  expect(purged.letters).toHaveLength(2)
  expect(purged.letters.map(comparable)).toContainEqual(comparable(files[0]?.json))
}, 60_000)

test('a letter without a history becomes a file, where the connection of zocalo.dlq_purge dies of it', async () => {
  const { stdout } = captured<{ stdout: string }>('dlq_purge_no_xdeath')
  const site = await zocalo()
  await site.queue('cap.poison', 'classic')
  const transport = site.open()
  await transport.send('dlq.cap.poison', { plain: 'poison' })
  const purged = await purge(site, { command: ['', '--location', 'DLQ', 'cap.poison'], stdout })
  expect([purged.code, purged.letters.length]).toEqual([0, 1])
  const [looking = '', done = ''] = stdout.split('\n')
  expect(purged.stdout.startsWith(`${looking}\n`) && purged.stdout.endsWith(`${done}\n`)).toBe(true)
  expect(await transport.depth('dlq.cap.poison')).toBe(0)
}, 60_000)

/** Takes what comes and gives it back, and notes with which headers it came. */
async function poisoning(site: Zocalo, queue: string) {
  const transport = site.open()
  const headers: object[] = []
  await transport.subscribe(
    queue,
    async (header) => {
      // RabbitMQ 4 writes the 0 that 3 leaves out.
      const { 'x-delivery-count': count, ...others } = brokersOwn(header)
      headers.push({ ...others, ...(count !== 0 && { 'x-delivery-count': count }) })
      await transport.nack(header)
    },
    { acknowledgement: true },
  )
  return { transport, headers }
}

/** Runs dlq-purge as recorded, in the site's folder and in the time zone of the recording. */
async function purge(site: Zocalo, { command }: Run) {
  const zone = process.env.TZ
  process.env.TZ = 'UTC'
  onTestFinished(() => {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  })
  const words = command
    .slice(1)
    .map((word) => (/^DLQ\d?$/.test(word) ? join(site.folder, word) : word))
  const run = site.ours('dlq-purge', '--wait', '1', ...words)
  const { code } = await run.exited
  const [location = ''] = words.filter((word) => word.startsWith(site.folder))
  const letters = readdirSync(location, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(
      (entry) => JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8')) as LetterFile,
    )
  return { code, letters, stdout: run.stdout.replaceAll(`${site.folder}/`, '') }
}

/** Which subscription, and when, differ from run to run. */
function comparable(letter: LetterFile | undefined): object {
  const { consumer_tag: _tag, subscription: _id, ...header } = letter?.header ?? {}
  const text = JSON.stringify({ ...header, message: letter?.message })
  return sorted(JSON.parse(text.replaceAll(/"time":\d+/g, '"time":0')))
}

function deadHeaders({ headers }: Pick<Message, 'headers'>): object {
  const [death] = headers['x-death'] as readonly Readonly<Record<string, unknown>>[]
  const { 'x-delivery-count': _count, ...others } = headers
  return sorted({ ...others, 'x-death': [sorted({ ...death, time: typeof death?.time })] })
}

/** Without what a transport adds. */
function brokersOwn(header: object): Record<string, unknown> {
  const added = [
    'consumer_tag',
    'delivery_mode',
    'exchange',
    'message-id',
    'redelivered',
    'routing_key',
    'subscription',
  ]
  return Object.fromEntries(Object.entries(header).filter(([name]) => !added.includes(name)))
}

function plainTable(table: Readonly<Record<string, Typed>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, item]) => [name, plain(item)]))
}

function plain({ type, value }: Typed): unknown {
  if (type === 'table') return plainTable(value as Readonly<Record<string, Typed>>)
  if (type === 'array') return (value as readonly Typed[]).map(plain)
  return type === 'timestamp' ? new Date(Number(value) * 1000) : value
}

function sorted(one: object): object {
  return Object.fromEntries(Object.entries(one).sort(([left], [right]) => (left < right ? -1 : 1)))
}
