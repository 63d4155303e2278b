import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { SiteConfig, SiteConfigError } from '../../src/recipes/index.ts'
import { gelfDatagrams, syslogLevel } from '../../src/recipes/log/gelf.ts'
import { consoleSink } from '../../src/recipes/log/line-sinks.ts'
import type { LogRecord, LogSink } from '../../src/recipes/log/log-record.ts'
import { SiteLog } from '../../src/recipes/log/site-log.ts'
import { captured } from '../support/captured.ts'

const recorded = captured<{ readonly udp: readonly { readonly json: Record<string, unknown> }[] }>(
  'gelf',
)

const HANDLER = 'zocalo.configuration.plugin_logging.Graylog'

test('a record reaches Graylog over UDP with the fields that Python sends', async () => {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { log } = await logOf(
    `handlers: {g: {(): ${HANDLER}UDPHandler, host: localhost, port: ${socket.address().port}}}, root: {level: DEBUG, handlers: [g]}`,
  )
  log.extra = () => ({ workflows_host: 'h.1', workflows_utilization: { '0': 1 } })
  const received = once(socket, 'message')
  log.logger('zocalo.capture.ingest').info({ recipe_ID: 'run-1' }, 'ingest got ü')
  const [datagram] = (await received) as [Buffer]
  const gelf = JSON.parse(inflateSync(datagram).toString())
  const python = recorded.udp.find(({ json }) => '_recipe_ID' in json)?.json ?? {}
  const ours = Object.keys(gelf).filter((name) => !name.startsWith('_workflows_'))
  expect(ours).toEqual(Object.keys(python).filter((name) => !name.startsWith('_workflows_')))
  expect(gelf).toMatchObject({
    version: '1.0',
    host: hostname(),
    short_message: 'ingest got ü',
    level: 6,
    level_name: 'INFO',
    facility: 'zocalo.capture.ingest',
    file: expect.stringMatching(/site-logging\.test\.ts$/),
    _recipe_ID: 'run-1',
    _workflows_host: 'h.1',
    _workflows_utilization: { '0': 1 },
  })
  await log.close()
})

test('a record reaches Graylog over TCP, ended by a zero byte, and an error names its place', async () => {
  const server = createServer()
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { log } = await logOf(
    `handlers: {g: {(): ${HANDLER}TCPHandler, host: 127.0.0.1, port: ${port}}}, root: {handlers: [g]}`,
  )
  let text = ''
  server.on('connection', (socket) => socket.on('data', (bytes) => (text += bytes.toString())))
  log.logger('a').error({ err: new Error('this service cannot cope') }, 'a message failed')
  log.logger('a').warn('second')
  await log.close()
  expect(text.endsWith('\0')).toBe(true)
  const [first, second] = text.split('\0').map((part) => (part === '' ? null : JSON.parse(part)))
  expect(first).toMatchObject({
    level: 3,
    full_message: expect.stringMatching(/^Error: this service cannot cope\n/),
    file: expect.stringMatching(/site-logging\.test\.ts$/),
  })
  expect(second).toMatchObject({ short_message: 'second', level: 4, level_name: 'WARNING' })
})

test('a long record goes over UDP in pieces of 1420 bytes, one without end does not go at all', () => {
  const text = JSON.stringify(Array.from({ length: 3000 }, (_, n) => Math.sin(n)))
  const pieces = gelfDatagrams(text) ?? []
  expect(pieces.length).toBeGreaterThan(2)
  const [first = new Uint8Array()] = pieces
  expect([...first.subarray(0, 2), first[10], first[11]]).toEqual([0x1e, 0x0f, 0, pieces.length])
  expect(first).toHaveLength(1432)
  const packed = Buffer.concat(pieces.map((piece) => piece.subarray(12)))
  expect(inflateSync(packed).toString()).toBe(text)
  const huge = Array.from({ length: 60_000 }, (_, n) => Math.sin(n)).join()
  expect(gelfDatagrams(huge)).toBeNull()
})

test("Python's levels have the numbers of syslog", () => {
  const levels = [10, 20, 25, 30, 40, 50, 60]
  expect(levels.map(syslogLevel)).toEqual([7, 6, 5, 4, 3, 2, 1])
})

test('handlers, formatters and filters of the block apply, by logger and level', async () => {
  const folder = temporaryFolder()
  const { log } = await logOf(`
  formatters:
    line: {format: '%(levelname)-8s|%(name)s|%(message)s'}
    brace: {format: '{levelname} {message}', style: '{'}
  filters:
    down: {(): zocalo.configuration.plugin_logging.DowngradeFilter}
    own: {name: zocalo.one}
  handlers:
    all: {class: logging.FileHandler, filename: ${folder}/all.log, formatter: line, filters: [down]}
    own: {class: logging.FileHandler, filename: ${folder}/own.log, formatter: brace, filters: [own], level: WARNING}
  loggers:
    quiet: {level: ERROR, propagate: false}
  root: {level: INFO, handlers: [all, own]}`)
  log.logger('zocalo.one.sub').info('one')
  log.logger('zocalo.one.sub').error({ n: 1 }, 'two')
  log.logger('other').error('three')
  log.logger('other').debug('not at this level')
  log.logger('quiet.child').error('not propagated')
  expect(readFileSync(join(folder, 'all.log'), 'utf8')).toBe(
    'INFO    |zocalo.one.sub|one\nWARNING |zocalo.one.sub|two n=1\nWARNING |other|three\n',
  )
  expect(readFileSync(join(folder, 'own.log'), 'utf8')).toBe('ERROR two n=1\n')
})

test('a file that grows too large is put aside', async () => {
  const folder = temporaryFolder()
  const { log } = await logOf(
    `handlers: {f: {class: logging.handlers.RotatingFileHandler, filename: ${folder}/a.log, maxBytes: 12, backupCount: 2}}, root: {handlers: [f]}`,
  )
  for (const word of ['first', 'second', 'third', 'fourth']) log.logger('a').error(word)
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  expect([read('a.log'), read('a.log.1'), read('a.log.2')]).toEqual([
    'fourth\n',
    'third\n',
    'second\n',
  ])
})

test("messages to a service's own logger reach the handlers, where the site has no level for it", async () => {
  const lines: string[] = []
  const sink: LogSink = {
    level: 20,
    write: ({ logger, sentence }) => void lines.push(`${logger} ${sentence}`),
  }
  const plain = new SiteLog(null, [sink])
  plain.serviceLogger('mine').info('shown')
  plain.serviceLogger('mine').debug('not at the level of the handler')
  plain.logger('other').info('not shown')
  expect(lines.splice(0)).toEqual(['mine shown'])
  const config = SiteConfig.fromString(
    'version: 1\nl: {plugin: logging, root: {level: ERROR}, loggers: {mine: {level: WARNING}}}\nenvironments: {default: [l]}',
  )
  await config.activateEnvironment('default')
  const set = new SiteLog(config.plugin('logging'), [sink])
  set.serviceLogger('mine.one').info('not at the level that the site has for it')
  set.serviceLogger('mine.one').warn('shown')
  set.serviceLogger('yours').info('shown')
  expect(lines).toEqual(['mine.one shown', 'yours shown'])
})

test('verbosity raises levels without touching handlers', async () => {
  const folder = temporaryFolder()
  const { log, config } = await logOf(
    `handlers: {f: {class: logging.FileHandler, filename: ${folder}/a.log}}, loggers: {z: {level: WARNING}}, root: {handlers: [f]}, verbose: [{loggers: {z: {level: DEBUG}}}]`,
  )
  log.logger('z').debug('before')
  const setup = config.plugin('logging')
  if (setup !== null) setup.verbosity = 1
  log.logger('z').debug('after')
  expect(readFileSync(join(folder, 'a.log'), 'utf8')).toBe('after\n')
})

test('a handler that exists in Python alone is a warning; a reference to nothing is an error', async () => {
  const { config } = await logOf(
    'handlers: {m: {class: logging.handlers.SMTPHandler}}, root: {handlers: [m]}',
  )
  expect(config.warnings).toEqual([
    "logging handler 'm': there is no logging.handlers.SMTPHandler here",
  ])
  for (const block of [
    'root: {handlers: [nowhere]}',
    'handlers: {h: {class: logging.StreamHandler, formatter: nowhere}}',
    `filters: {d: {(): zocalo.configuration.plugin_logging.DowngradeFilter, reduce_to: ERROR, only_below: ERROR}}`,
  ]) {
    await expect(logOf(block)).rejects.toMatchObject({
      constructor: SiteConfigError,
      pythonClass: 'ValueError',
    })
  }
})

test('a circle, a bigint or a getter that throws in a record stops nothing', async () => {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { log } = await logOf(
    `handlers: {g: {(): ${HANDLER}UDPHandler, host: 127.0.0.1, port: ${socket.address().port}}}, root: {handlers: [g]}`,
  )
  const circle: Record<string, unknown> = { big: 10n }
  circle.self = circle
  const received = once(socket, 'message')
  const thrower = {
    get x(): never {
      throw new Error('no')
    },
  }
  log.logger('a').error({ thrower }, 'left out')
  log.logger('a').error({ circle }, 'kept')
  const [datagram] = (await received) as [Buffer]
  expect(JSON.parse(inflateSync(datagram).toString())).toMatchObject({
    short_message: 'kept',
    _circle: { big: '10', self: '[circular]' },
  })
})

test('a line of a service shows no secret, steers no terminal, and ends', () => {
  const lines: string[] = []
  const log = new SiteLog(null, [consoleSink(0, (line) => lines.push(line))])
  const hostile = Object.assign(new Error('a'), { stack: 5, name: Symbol('odd') })
  const long = new Error(`amqp://user:hidden@host \u001b[2J${'x'.repeat(1_000_000)}`)
  const fields = {
    header: { password: 'hidden', big: 10n, toString: 1 },
    url: 'amqp://user:hidden@host',
  }
  log.logger('zocalo').error({ err: hostile, ...fields }, 'one')
  log.logger('zocalo').error({ err: long, request: { password: 'hidden' } }, 'two')
  expect(lines).toHaveLength(2)
  expect(lines.join('')).not.toMatch(/hidden/)
  expect(lines.join('')).not.toContain('\u001b')
  expect(lines.join('').length).toBeLessThan(100_000)
})

async function logOf(block: string): Promise<{ log: SiteLog; config: SiteConfig }> {
  const lines = block.startsWith('\n')
    ? `\n  plugin: logging${block}`
    : `{plugin: logging, ${block}}`
  const config = SiteConfig.fromString(`version: 1\nenvironments: {default: [l]}\nl: ${lines}\n`)
  await config.activate([])
  const quiet: { level: number; write(record: LogRecord): void } = {
    level: 100,
    write: () => undefined,
  }
  return { config, log: new SiteLog(config.plugin('logging'), [quiet]) }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'site-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
