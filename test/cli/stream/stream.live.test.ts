import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Pull, Push } from 'zeromq'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { durableExchange, durableQueue } from '../../../src/protocol/routing/topology.ts'
import { freePort } from '../../support/free-port.ts'
import { runCli, startCli } from '../../support/processes.ts'
import { waitFor } from '../../support/wait-for.ts'
import { APP, cliSpace } from '../cli-space.ts'

async function blockFile(text: (ports: number[]) => string) {
  const dir = await mkdtemp(join(tmpdir(), 'stream-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const ports = [await freePort(), await freePort()]
  const file = join(dir, 'blocks.yml')
  await writeFile(file, text(ports))
  await writeFile(join(dir, 'work.mjs'), 'export const shout = (text) => text.toUpperCase()\n')
  return { dir, file, ports }
}

const pipeline = ([from, to]: number[]) => `
blocks:
  - name: shout
    description: loud
    operator: { class: './work.mjs#shout' }
    listeners: [{ class: zmq, kwargs: { address: 'tcp://127.0.0.1:${from}', socket_type: PULL, bind: true, codec: text } }]
    publishers: [{ class: zmq, kwargs: { address: 'tcp://127.0.0.1:${to}', socket_type: PUSH, codec: text } }]
`

test('stream run works through messages until SIGTERM, and ends with 0', async () => {
  const { file, ports } = await blockFile(pipeline)
  const program = startCli(['stream', 'run', file, '-u', 'shout'])
  await program.waitForLine(/running shout/)
  const [push, pull] = [new Push(), new Pull()]
  await pull.bind(`tcp://127.0.0.1:${ports[1]}`)
  push.connect(`tcp://127.0.0.1:${ports[0]}`)
  const words = Array.from({ length: 500 }, (_, n) => `word ${n}`)
  for (const word of words) await push.send(word)
  const heard: string[] = []
  for await (const [frame] of pull) if (heard.push(String(frame)) === words.length) break
  expect(heard).toEqual(words.map((word) => word.toUpperCase()))
  expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  push.close()
  pull.close()
})

test('stream run -A gives parts over RabbitMQ the broker of the app, and ends with its last message', async () => {
  const { vhost, env } = await cliSpace()
  const broker = openBroker({ url: vhost.url })
  onTestFinished(() => broker.close())
  const { file } = await blockFile(
    () => `
blocks:
  - name: shout
    operator: { class: './work.mjs#shout' }
    listeners: [{ class: stdio, kwargs: { codec: text } }]
    publishers: [{ class: amqp, kwargs: { queue: loud, codec: text } }]
`,
  )
  const without = await runCli(['stream', 'run', file], { env })
  expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('or an app (-A)') })
  await broker.declare({
    exchanges: [durableExchange('celeryev', 'topic')],
    queues: [durableQueue('told', {})],
    bindings: [{ exchange: 'celeryev', queue: 'told', routingKey: 'stream.#' }],
  })
  const input = 'one\ntwo\n'
  const program = await runCli(['stream', 'run', file, '-A', APP, '-E'], { env, input })
  expect(program).toMatchObject({ code: 0, stdout: expect.stringContaining('running shout') })
  const words = [await broker.get('loud'), await broker.get('loud')]
  expect(words.map((word) => String(word?.message.body))).toEqual(['ONE', 'TWO'])
  // Events that wait together are one message, a list.
  const told: unknown[] = []
  for (let each = await broker.get('told'); each !== undefined; each = await broker.get('told')) {
    told.push(...[JSON.parse(String(each.message.body))].flat())
  }
  expect(told).toMatchObject([
    { type: 'stream-started', name: 'shout' },
    { type: 'stream-ended', name: 'shout', counts: { received: 2, published: 2 } },
  ])
})

test('validate, list-blocks and draw tell of a file; a mistake is exit code 1', async () => {
  const { file } = await blockFile(pipeline)
  const valid = await runCli(['stream', 'validate', file])
  expect(valid.code).toBe(0)
  expect(valid.stdout).toMatch(
    /Block: shout\n {2}Description: loud\n {2}Operator: shout\n.*\n.*\nConfiguration is valid! ✓/,
  )
  const listed = await runCli(['stream', 'list-blocks', file])
  expect(listed.stdout).toMatch(
    /^Units in .*:\n {2}- shout\n {4}Operator: shout\n {4}Listeners: 1\n {4}Publishers: 1\n$/,
  )
  expect((await runCli(['stream', 'draw', file])).stdout).toMatch(
    /^flowchart LR\n.*b0\["shout: shout"\]/,
  )
  const missing = await runCli(['stream', 'validate', `${file}x`])
  expect(missing).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Configuration file not found'),
  })
  const unknown = await runCli(['stream', 'run', file, '-u', 'none'])
  expect(unknown).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("Block 'none' not found"),
  })
})

test('record taps a link, and play sends it again in its time', async () => {
  const { dir, ports } = await blockFile(pipeline)
  const recording = join(dir, 'run.jsonl')
  const link = (port: number | undefined, kind: string) =>
    `{ class: zmq, kwargs: { address: 'tcp://127.0.0.1:${port}', socket_type: ${kind}, bind: true } }`
  const recorder = startCli(['stream', 'record', recording, '--from', link(ports[0], 'PULL')])
  await recorder.waitForLine(/stream: Block/)
  const push = new Push()
  push.connect(`tcp://127.0.0.1:${ports[0]}`)
  await push.send(Buffer.from([0xff, 1]))
  await push.send(['a', 'b'])
  await waitFor(
    'two lines',
    async () => (await readFile(recording, 'utf8').catch(() => '')).split('\n').length === 3,
  )
  expect((await recorder.stop()).code).toBe(0)
  push.close()
  const player = startCli([
    'stream',
    'play',
    recording,
    '--speed',
    '2',
    '--to',
    link(ports[1], 'PUSH'),
  ])
  const pull = new Pull()
  pull.connect(`tcp://127.0.0.1:${ports[1]}`)
  const heard: string[] = []
  for await (const frames of pull) {
    heard.push(frames.map((frame) => Buffer.from(frame as Buffer).toString('hex')).join('|'))
    if (heard.length === 2) break
  }
  pull.close()
  expect(heard).toEqual(['ff01', '61|62'])
  expect((await player.exited).code).toBe(0)
})

test('stream validate opens no socket and loads no driver, whatever the links are', async () => {
  const { dir, file } = await blockFile(
    () => `
blocks:
  - name: all
    operator: { class: './work.mjs#shout' }
    listeners:
      - { class: zmq, kwargs: { address: 'tcp://127.0.0.1:1', socket_type: PULL, bind: true } }
      - { class: redis, kwargs: { url: 'redis://127.0.0.1:1', channel: c } }
      - { class: redis, kwargs: { url: 'redis://127.0.0.1:1', stream: s } }
      - { class: amqp, kwargs: { url: 'amqp://127.0.0.1:1', queue: q } }
      - { class: kafka, kwargs: { brokers: '127.0.0.1:1', topic: t } }
      - { class: files, kwargs: { directory: /nowhere } }
      - { class: stdio }
    publishers:
      - { class: zmq, kwargs: { address: 'tcp://127.0.0.1:2' } }
      - { class: redis, kwargs: { url: 'redis://127.0.0.1:1', channel: c } }
      - { class: amqp, kwargs: { url: 'amqp://127.0.0.1:1', queue: q } }
      - { class: kafka, kwargs: { brokers: '127.0.0.1:1', topic: t } }
`,
  )
  const spy = join(dir, 'spy.mjs')
  await writeFile(
    spy,
    `import dns from 'node:dns'
import net from 'node:net'
const told = (what) => () => { console.error('OPENED', what); process.exit(9) }
net.Socket.prototype.connect = told('a connection')
net.Server.prototype.listen = told('a server')
dns.lookup = told('a name')
process.dlopen = told('a native driver')
`,
  )
  const env = { NODE_OPTIONS: `--import=${spy}` }
  for (const command of ['validate', 'list-blocks', 'draw']) {
    const ran = await runCli(['stream', command, file], { env })
    expect(ran).toMatchObject({ code: 0, stderr: expect.not.stringContaining('OPENED') })
  }
})
