import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { decodeJson, encodeJson } from '../../src/codecs/json/json.ts'
import { MemoryTransport, SiteConfig, type TransportHeader } from '../../src/recipes/index.ts'
import { Dispatcher } from '../../src/services/dispatcher.ts'
import { waitFor } from '../support/wait-for.ts'

interface DispatcherCase {
  readonly case: string
  readonly request: unknown
  readonly request_headers: Readonly<Record<string, unknown>> | null
  readonly fate: string
  readonly published: readonly { readonly routing_key: string; readonly body: string }[]
}

const capture = exactly('dispatcher.json') as {
  readonly recipes: Readonly<Record<string, unknown>>
  readonly cases: readonly DispatcherCase[]
}
const none = { filters: {}, readyForProcessing: {} }

afterEach(() => {
  Dispatcher.plugins = none
})

const GUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g

// The recorded Dispatcher died of requests without any recipe; here they are dead letters.
test.each(capture.cases.filter((item) => item.request !== undefined))(
  'of a request the Dispatcher makes what Python makes: $case',
  async (item) => {
    Dispatcher.plugins = {
      filters: {
        site: (message, parameters) => [message, { ...parameters, site: 'testsite' }],
      },
      readyForProcessing: {},
    }
    const site = await started(capture.recipes)
    await site.transport.rawSend('processing_recipe', encodeJson(item.request), {
      headers: item.request_headers ?? {},
    })
    if (item.fate === 'acknowledged') {
      await waitFor('what is published', () => site.sent.length >= item.published.length)
      expect(site.sent.map(anonymous)).toEqual(
        item.published.map(({ routing_key: queue, body }) => anonymous([queue, body])),
      )
    } else {
      await waitFor('the dead letter', () => site.dead.length > 0)
      expect(site.sent).toEqual([])
    }
  },
)

test('a request that names a hundred recipes too many is a dead letter', async () => {
  const site = await started({ one: { start: [[1, []]], '1': { queue: 'cap.classic' } } })
  const recipes = Array.from({ length: 101 }, () => 'one')
  await site.transport.send('processing_recipe', { recipes, parameters: {} })
  await waitFor('the dead letter', () => site.dead.length > 0)
  expect(site.sent).toEqual([])
})

test('a request without any recipe is a dead letter, and the next one is processed', async () => {
  const site = await started({ one: { start: [[1, []]], '1': { queue: 'cap.classic' } } })
  await site.transport.send('processing_recipe', { recipes: [], parameters: {} })
  await site.transport.send('processing_recipe', { recipes: ['one'], parameters: {} })
  await waitFor('both', () => site.dead.length === 1 && site.sent.length === 1)
})

test.each(['../secret', '/etc/passwd', 'a/../../secret', 'nul\0'])(
  'a recipe name that leads elsewhere is refused: %j',
  async (name) => {
    const site = await started({})
    writeFileSync(
      join(site.folder, '../secret.json'),
      '{"start": [[1, []]], "1": {"queue": "cap.classic"}}',
    )
    onTestFinished(() => rmSync(join(site.folder, '../secret.json'), { force: true }))
    await site.transport.send('processing_recipe', { recipes: [name], parameters: {} })
    await waitFor('the dead letter', () => site.dead.length === 1)
    expect(site.sent).toEqual([])
  },
)

test('a request that is not ready is sent again, with a time until which that goes on', async () => {
  let asked = 0
  Dispatcher.plugins = {
    filters: {},
    readyForProcessing: {
      flag: () => {
        asked += 1
        return false
      },
    },
  }
  const site = await started({})
  const parameters = { dispatcher_expiration: 1, dispatcher_error_queue: 'cap.failure' }
  await site.transport.send('processing_recipe', { recipes: ['one'], parameters })
  await waitFor('the error queue', () => site.failures.length === 1)
  expect([asked, site.failures]).toMatchObject([1, [{ recipes: ['one'], parameters }]])
})

test.each([
  { end: 'its error queue gets it', name: 'with_error_queue' },
  { end: 'it is a dead letter', name: 'without_error_queue' },
])(
  'a request that never gets ready is sent again as Python sends it, then $end',
  async ({ name }) => {
    const recorded = exactly('dispatcher_not_ready.json') as Readonly<
      Record<string, readonly { readonly body?: string; readonly headers?: object }[]>
    >
    const [request, delayed] = recorded[name] ?? []
    Dispatcher.plugins = { filters: {}, readyForProcessing: { flag: () => false } }
    const site = await started({})
    await site.transport.rawSend('processing_recipe', request?.body ?? '')
    const last = name === 'with_error_queue' ? site.failures : site.dead
    await waitFor('the end of its time', () => last.length === 1)
    const resent = site.requests.slice(1)
    const expected = [withoutTime(delayed?.body ?? '')]
    expect(resent.map(({ body }) => withoutTime(body))).toEqual(expected)
    expect(resent.map(({ header }) => header['x-delay'])).toEqual([2000])
    expect(withoutTime(encodeJson(last[0]))).toBe(expected[0])
  },
)

test('the logbook has each request as Python writes it', async () => {
  const { text } = exactly('dispatcher_logbook.json') as { readonly text: string }
  const pipeline = exactly('pipeline.json') as {
    readonly recipe_file: object
    readonly messages: readonly { readonly body: string }[]
  }
  Dispatcher.plugins = {
    filters: { site: (message, parameters) => [message, { ...parameters, site: 'testsite' }] },
    readyForProcessing: {},
  }
  const site = await started({ 'capture-pipeline': pipeline.recipe_file })
  await site.transport.rawSend('processing_recipe', pipeline.messages[0]?.body ?? '', {
    headers: { 'zocalo.go.user': 'alice', 'zocalo.go.host': 'ws001.lab.example.org' },
  })
  const month = new Date().toISOString().slice(0, 7)
  const file = join(site.folder, 'log', month, '0f', '0e0d0c-0b0a-4908-8706-050403020100')
  // It is written before anything is sent.
  await waitFor('the recipe', () => site.sent.length > 0)
  const written = readFileSync(file, 'utf8')
  const same = (one: string) => one.replace(/"<?\[?(?:workflows|object)[^"]*"/g, '"RECIPE"')
  expect(same(written)).toBe(same(text))
})

async function started(recipes: Readonly<Record<string, unknown>>) {
  const folder = mkdtempSync(join(tmpdir(), 'dispatcher-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, recipe] of Object.entries(recipes)) {
    writeFileSync(
      join(folder, `${name}.json`),
      typeof recipe === 'string' ? recipe : encodeJson(recipe),
    )
  }
  const config = SiteConfig.fromString(
    `version: 1\ns: {plugin: storage, zocalo.recipe_directory: ${folder}, zocalo.dispatcher.logbook_location: ${folder}/log}\nenvironments: {default: [s]}\n`,
  )
  await config.activate([])
  const name = randomUUID()
  const transport = new MemoryTransport({ name })
  const served = new MemoryTransport({ name, deliveryLimit: 2 })
  const requests: { readonly header: TransportHeader; readonly body: string }[] = []
  served.addMiddleware({
    aroundCallback: (callback) => async (header, message) => {
      // Each once, not as often as it is given back.
      if (header.redelivered === false) requests.push({ header, body: encodeJson(message) })
      await callback(header, message)
    },
  })
  const service = new Dispatcher({ transport: served, config })
  const sent: [string, string][] = []
  const dead: unknown[] = []
  const failures: unknown[] = []
  for (const queue of ['cap.classic', 'cap.updates', 'cap.ingest']) {
    const take = (_header: unknown, body: unknown) => {
      sent.push([queue, Buffer.from(body as Uint8Array).toString()])
    }
    await transport.subscribe(queue, take, { disableMangling: true })
  }
  await transport.subscribe('dlq.processing_recipe', (_header, message) => void dead.push(message))
  await transport.subscribe('cap.failure', (_header, message) => void failures.push(message))
  await service.start()
  onTestFinished(async () => {
    await service.stop()
    await transport.disconnect()
  })
  return { folder, transport, sent, dead, failures, requests }
}

/** Ids that were made up are one and the same. */
function anonymous([queue, body]: readonly [string, string]): string {
  return `${queue} ${body.replaceAll(GUID, (id) => (id.startsWith('00000000') ? id : 'GUID'))}`
}

/** The moment until which it is tried again. */
function withoutTime(body: string): string {
  return body.replace(/("dispatcher_expiration": )[\d.]+/, '$1<time>')
}

function exactly(file: string): unknown {
  const path = join(import.meta.dirname, '../fixtures/recipes/wire', file)
  const options = { keepFloats: true, keepOrder: true, plainObjects: true }
  return decodeJson(readFileSync(path, 'utf8'), options)
}
