import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { logLine } from '../../src/config/logging/log-line.ts'
import {
  createLogger,
  type LoggingOptions,
  setupLogging,
} from '../../src/config/logging/logging.ts'
import { makeConfig } from './make-config.ts'

test('file logging writes INFO to the console and app.info.log, and ERROR to app.error.log too', async () => {
  const { logging, console, files } = await startFileLogging()
  logging.logger.debug('a step')
  logging.logger.info({ queue: 'export' }, 'queue declared')
  logging.logger.error({ err: new Error('boom') }, 'task failed')
  await logging.close()
  const info = files()['app.info.log']
  expect(info).toMatch(
    /^\[\d{4}-.*Z: INFO\] queue declared queue=export\n\[.*: ERROR\] task failed\nError: boom\n/,
  )
  expect(files()['app.error.log']).toMatch(/^\[.*: ERROR\] task failed\nError: boom\n/)
  const shown = String(console.read())
  expect(shown).toContain('INFO] queue declared queue=export')
  expect(shown).toContain('\u001B[31m[')
  expect(shown).not.toContain('a step')
  expect(info).not.toContain('\u001B')
})

test('a child logger keeps its fields', async () => {
  const { logging, files } = await startFileLogging()
  logging.logger.child({ worker: 'w1' }).warn('connection lost')
  await logging.close()
  expect(files()['app.info.log']).toContain('WARNING] connection lost worker=w1')
})

test('a log file is rotated at 5 MB and two old ones are kept', async () => {
  const { logging, files, folder } = await startFileLogging()
  const line = 'x'.repeat(10_000)
  for (let count = 0; count < 2100; count += 1) {
    logging.logger.info(line)
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await logging.close()
  expect(Object.keys(files()).filter((name) => name.startsWith('app.info'))).toEqual([
    'app.info.log',
    'app.info.log.1',
    'app.info.log.2',
  ])
  expect(statSync(join(folder, 'app.info.log.1')).size).toBeLessThan(6_500_000)
})

test('without file logging nothing is written to files', async () => {
  const destination = new PassThrough()
  const folder = temporaryFolder()
  const { logger, close } = await setupLogging(makeConfig(), { destination, directory: folder })
  logger.info('queue declared')
  await close()
  expect(JSON.parse(String(destination.read()))).toMatchObject({
    level: 'info',
    msg: 'queue declared',
  })
  expect(readdirSync(folder)).toEqual([])
})

test('a logger writes JSON lines from its level on, which may be named as in Python', async () => {
  const destination = new PassThrough()
  const logger = await createLogger(makeConfig(), { destination, level: 'WARNING' })
  logger.info('a change of state')
  logger.warn({ attempt: 2 }, 'trying again')
  const entry = JSON.parse(String(destination.read()))
  expect(entry).toEqual({
    level: 'warn',
    time: expect.stringMatching(/Z$/),
    attempt: 2,
    msg: 'trying again',
  })
})

test('an unknown level is refused with those that there are', async () => {
  await expect(createLogger(makeConfig(), { level: 'loud' })).rejects.toThrow(
    'log level "loud" is unknown, expected one of debug, info, warn, warning, error, critical, fatal',
  )
})

test('colour is used on a terminal or when worker_log_color asks for it', async () => {
  const destination = new PassThrough()
  const config = makeConfig({ worker_log_color: true })
  const logger = await createLogger(config, { destination, format: 'lines' })
  logger.warn('trying again')
  await new Promise((resolve) => setImmediate(resolve))
  const line = String(destination.read())
  expect(line.startsWith('\u001B[33m[')).toBe(true)
  expect(line.endsWith('WARNING] trying again\u001B[0m\n')).toBe(true)
})

test('what is no JSON is shown as it is', () => {
  expect(logLine('plain text', true)).toBe('plain text')
})

test('what came with a message does not steer the terminal', () => {
  const evil = '\u001b[2J\u009b8m\u202e\u2028'
  const entry = {
    level: 'error',
    time: 'now',
    msg: `said ${evil}`,
    method: evil,
    err: { stack: `Error: ${evil}\n\tat a` },
  }
  const shown = String.raw`\x1b[2J\x9b8m\u202e\u2028`
  expect(logLine(JSON.stringify(entry), false)).toBe(
    `[now: ERROR] said ${shown} method='${shown}'\nError: ${shown}\n\tat a`,
  )
})

test('an expected error, which is logged without its stack, is a field of the line', () => {
  const entry = { level: 'info', time: 'now', msg: 'failed', err: "RangeError('too far')" }
  expect(logLine(JSON.stringify(entry), false)).toBe(
    `[now: INFO] failed err="RangeError('too far')"`,
  )
})

async function startFileLogging(options: LoggingOptions = {}) {
  const console = new PassThrough({ highWaterMark: 2 ** 26 })
  const folder = temporaryFolder()
  const config = makeConfig({ SETUP_FILE_LOGGING: true })
  const logging = await setupLogging(config, {
    destination: console,
    directory: folder,
    ...options,
  })
  onTestFinished(() => logging.close())
  const files = () =>
    Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    )
  return { logging, console, files, folder }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'logs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
