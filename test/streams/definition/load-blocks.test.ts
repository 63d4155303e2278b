import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { schemaProblems } from '../../../src/definitions/check.ts'
import { Block, blocksSchema, loadBlockByName, loadBlocks } from '../../../src/streams/index.ts'

const OPERATORS = `
export class Scale {
  constructor({ factor = 1 } = {}) { this.factor = factor }
  name = 'Scale'; holds = 0
  process(n) { return n * this.factor }
  async work(lane) {
    for (;;) {
      const entry = lane.take() ?? (await lane.next())
      if (entry === undefined) return
      await lane.publish(this.process(entry.received.value), entry)
      await lane.done(entry)
    }
  }
}
export class Pairs extends Scale { name = 'Pairs'; holds = 2 }
export class Broken { constructor() { throw new Error('no licence') } }
export const double = (n) => n * 2
export const numbers = [1, 2, 3]
export const out = { messages: [], publish(m) { this.messages.push(m) }, close() {} }
`

async function folder(yaml: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'blocks-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await mkdir(join(dir, 'in'))
  await writeFile(join(dir, 'operators.mjs'), OPERATORS)
  await writeFile(join(dir, 'in', 'blocks.yml'), yaml)
  await writeFile(join(dir, 'in', 'operators.mjs'), OPERATORS)
  return join(dir, 'in', 'blocks.yml')
}

test('a block file becomes blocks that run', async () => {
  const file = await folder(`
blocks:
  - name: scale
    description: three numbers
    operator: { class: './operators.mjs#Scale', kwargs: { factor: 10 } }
    listeners: [{ class: './operators.mjs#numbers' }]
    publishers: [{ class: './operators.mjs#out' }]
    queue: { limit: 8, whenFull: wait }
`)
  const [block] = await loadBlocks(file)
  expect(block).toBeInstanceOf(Block)
  expect(block).toMatchObject({ name: 'scale', description: 'three numbers' })
  await block?.run()
  const out = block?.publishers[0] as { messages?: number[] } | undefined
  expect(out?.messages).toEqual([10, 20, 30])
})

test("arroyo's documented fields and class paths are read, and nothing is opened", async () => {
  const file = await folder(`
blocks:
  - name: doc
    operator: { class: './operators.mjs#double' }
    listeners:
      - { class: arroyopy.zmq.ZMQListener, kwargs: { address: 'tcp://127.0.0.1:1', socket_type: SUB } }
      - { class: arroyopy.redis.RedisListener, kwargs: { host: nowhere, port: 1, channel: c } }
      - { class: arroyopy.files.FileWatcherListener, kwargs: { watch_path: /nowhere, patterns: ['*.h5'] } }
      - { class: amqp, kwargs: { url: 'amqp://nowhere', queue: q, codec: json } }
      - { class: amqp, kwargs: { url: 'amqp://nowhere', queue: s, stream: first, exchange: e, exchangeType: fanout } }
      - { class: kafka, kwargs: { brokers: 'nowhere:1', topic: t, from: latest } }
    publishers:
      - { class: arroyopy.zmq.ZMQPubSubPublisher, kwargs: { host: '*', port: 5556 } }
      - { class: redis, kwargs: { url: 'redis://nowhere', stream: s, codec: msgpack } }
      - { class: kafka, kwargs: { brokers: 'nowhere:1', topic: t, key: run, codec: json } }
`)
  const [block] = await loadBlocks(file)
  expect(String(block)).toBe(
    'Block(doc: [zmq SUB tcp://127.0.0.1:1, redis subscribe c, files /nowhere, amqp q, amqp s, kafka t] → double → ' +
      '[zmq PUB tcp://*:5556, redis stream s, kafka t])',
  )
})

const block = (rest: string) => `blocks:\n  - name: b\n${rest}`
const OPERATOR = `    operator: { class: './operators.mjs#double' }\n`

test.each([
  ['', /blocks.yml:1:1: Configuration file is empty/],
  ['a: 1', /Configuration must contain a 'blocks' key/],
  ['blocks: 5', /blocks.yml:1:9: 'blocks' must be a list/],
  ['blocks: [', /Failed to parse YAML file/],
  ['blocks:\n  - 5', /:2:5: Failed to load block 0: expected a map/],
  [
    'blocks:\n  - operator: x',
    /:2:5: Failed to load block 0: Block configuration must have a 'name' field/,
  ],
  [block(''), /must have an 'operator' field/],
  [
    block('    operator: {}'),
    /:3:15: Failed to load block 0: block "b": operator: Component configuration must have a 'class' field/,
  ],
  [
    block(`    operator: { class: './none.mjs#X' }`),
    /:3:24: .*Failed to import class '.\/none.mjs#X'/,
  ],
  [
    block(`    operator: { class: './operators.mjs#None' }`),
    /has no export "None"; it has .*Scale/,
  ],
  [
    block(`    operator: { class: './operators.mjs#Broken' }`),
    /Failed to instantiate .*Broken: no licence/,
  ],
  [
    block(`    operator: { class: './operators.mjs#numbers' }`),
    /Operator must be an instance of Operator/,
  ],
  [
    block(`    operator: { class: '../operators.mjs#double' }`),
    /is refused: it lies outside of the file's folder/,
  ],
  [block(`    operator: { class: '/etc/x.mjs#double' }`), /is refused/],
  [block(`    operator: { class: 'data:text/javascript,1' }`), /is refused/],
  [
    block(`${OPERATOR}    listeners: [{ class: './operators.mjs#double' }]`),
    /:4:17: .*Failed to load listener 0: Listener must be an instance of/,
  ],
  [
    block(`${OPERATOR}    publishers: [{ class: './operators.mjs#numbers' }]`),
    /Failed to load publisher 0: Publisher must be an instance of/,
  ],
  [
    block(`${OPERATOR}    listeners: [{ class: zmq, kwargs: { adress: x } }]`),
    /listener 0: .*kwargs.address is missing/,
  ],
  [
    block(`${OPERATOR}    listeners: [{ class: zmq, kwargs: { address: 'tcp://a:1', topik: x } }]`),
    /:4:\d+: .*kwargs.topik is not a field/,
  ],
  [
    block(`${OPERATOR}    listeners: [{ class: redis, kwargs: { channel: c, codec: xml } }]`),
    /kwargs.codec is "xml", expected one of raw, text/,
  ],
  [
    block(
      `${OPERATOR}    listeners: [{ class: redis, kwargs: { url: ['redis://user:secret@a'], channel: c } }]`,
    ),
    /kwargs.url is \["redis:\/\/user:\*\*\*@a"\], expected a text/,
  ],
  [
    block(
      `${OPERATOR}    listeners: [{ class: kafka, kwargs: { broker: 'a:1', topic: t, from: now } }]`,
    ),
    /kwargs.from is "now", expected one of earliest, latest/,
  ],
  [
    block(
      `${OPERATOR}    listeners: [{ class: amqp, kwargs: { url: 'amqp://a', queue: q, stream: -1 } }]`,
    ),
    /kwargs.stream is -1, expected true, first, last, next or an offset/,
  ],
  [
    block(
      `${OPERATOR}    publishers: [{ class: amqp, kwargs: { url: 'amqp://a', exchange: e, exchangeType: topics } }]`,
    ),
    /kwargs.exchangeType is "topics", expected one of direct, fanout, topic, headers/,
  ],
  [block(`${OPERATOR}    queue: { limit: 0 }`), /:4:21: .*block "b": queue.limit is 0/],
  [block(`${OPERATOR}    onError: { times: -1 }`), /:4:14: .*block "b": onError retries -1 times/],
  [block(`${OPERATOR}    graceMs: soon`), /:4:14: .*block "b": graceMs is soon/],
  [block(`${OPERATOR}    ordered: maybe`), /:4:14: .*block "b": ordered is maybe/],
  [
    block(`${OPERATOR}    listeners: [{ class: zmq, kwargs: { address: nowhere } }]`),
    /:4:50: .*block "b": Failed to load listener 0: Failed to instantiate zmq: kwargs.address is refused: .*"nowhere"/,
  ],
  [
    block(
      `${OPERATOR}    publishers: [{ class: zmq, kwargs: { address: 'tcp://a:1', curve: { secretKey: x } } }]`,
    ),
    /publisher 0: .*kwargs.curve is refused: .*must be a Z85 key/,
  ],
  [
    block(`${OPERATOR}    publishers: [{ class: redis, kwargs: { url: 'http://a', channel: c } }]`),
    /:4:49: .*publisher 0: .*kwargs.url is refused: .*expected redis:/,
  ],
  [
    block(`${OPERATOR}    listeners: [{ class: amqp, kwargs: { url: 'http://a', queue: q } }]`),
    /:4:47: .*listener 0: .*kwargs.url is refused/,
  ],
  [
    block(
      `${OPERATOR}    listeners: [{ class: kafka, kwargs: { brokers: ['a:1', b], topic: t } }]`,
    ),
    /listener 0: .*kwargs.brokers is refused: .*"b", expected host:port/,
  ],
  [
    block(`${OPERATOR}    listeners: [{ class: kafka, kwargs: { broker: 'a:1', topic: 'a b' } }]`),
    /:4:65: .*listener 0: .*kwargs.topic is refused/,
  ],
  [
    block(`${OPERATOR}    listeners: [{ class: kafka, kwargs: { broker: b, topic: 'a b' } }]`),
    /:4:51: .*listener 0: .*kwargs.broker is refused: .*"b", expected host:port/,
  ],
  [`blocks:\n  - name: 'b": ordered x'\n${OPERATOR}    graceMs: soon`, /:4:14: .*graceMs is soon/],
  [
    `blocks:\n  - name: b\n    operator: { class: './operators.mjs#Pairs' }\n    concurrency: 2`,
    /:4:18: .*its concurrency has to be 1/,
  ],
  [block(`${OPERATOR}    colour: red`), /:4:13: .*unknown field "colour"/],
])('%j is refused with its place', async (yaml, error) => {
  await expect(loadBlocks(await folder(yaml))).rejects.toThrow(error)
})

test.each([
  `{ name: b, operator: {}, listener: { class: kafka, sasl: { username: u, password: qzxwvjk } } }`,
  `{ name: b, operator: {}, publisher: { curve: { secretKey: qzxwvjk } } }`,
  `{ name: b, operator: {}, from: 'redis://u:qzxwvjk@h' }`,
  `[redis://u:qzxwvjk@h]`,
])('a mistake in a block shows no secret: %s', async (text) => {
  const error = await loadBlocks(await folder(`blocks:\n  - ${text}\n`)).catch(String)
  expect(error).toContain('Failed to load block 0')
  expect(error).not.toContain('qzxw')
})

test('a file that is missing, and blocks that are not there, are named', async () => {
  await expect(loadBlocks('/nowhere/x.yml')).rejects.toThrow(
    'Configuration file not found: /nowhere/x.yml',
  )
  const file = await folder(`${block(OPERATOR)}  - name: c\n${OPERATOR}`)
  await expect(loadBlockByName(file)).rejects.toThrow(
    'File contains 2 blocks. Specify block_name to select one.',
  )
  await expect(loadBlockByName(file, 'd')).rejects.toThrow(
    "Block 'd' not found in configuration. Available blocks: ['b', 'c']",
  )
  expect((await loadBlockByName(file, 'c')).name).toBe('c')
})

test('the JSON Schema takes what the loader takes', () => {
  const good = { blocks: [{ name: 'b', operator: { class: 'x' }, queue: { whenFull: 'latest' } }] }
  expect(schemaProblems(good, blocksSchema)).toEqual([])
  expect(schemaProblems({ blocks: [{ name: 'b' }] }, blocksSchema)).toHaveLength(1)
})
