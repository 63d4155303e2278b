import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import type { Logger } from '../../src/logger.ts'
import { silentLogger } from '../../src/logger.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'

const isRoot = process.getuid?.() === 0

test('an embedded database is a real PostgreSQL, and a temporary one leaves nothing behind', async () => {
  const sentences: string[] = []
  const database = await openDatabase({
    embedded: { directory: undefined },
    logger: collecting(sentences),
  })
  onTestFinished(() => database.close())
  const [row] = await database.query<{ data: string; version: string; zone: string }>(
    "select version(), current_setting('data_directory') as data, current_setting('TimeZone') as zone",
  )
  expect(row).toMatchObject({ version: expect.stringMatching(/^PostgreSQL \d+/), zone: 'UTC' })
  expect(sentences).toContain('preparing an embedded PostgreSQL, the first start takes a moment')
  expect(new URL(database.url)).toMatchObject({
    hostname: '127.0.0.1',
    pathname: '/celery_toolbox',
  })
  expect(database.safeUrl).not.toContain(new URL(database.url).password)

  await database.close()
  expect(existsSync(dirname(row?.data ?? ''))).toBe(false)
})

test('a directory is one process’s at a time, and what is in it is there again, also after kill -9', async () => {
  const directory = await folder()
  const first = await openDatabase({ embedded: { directory } })
  await first.query('create table t as select 42 as n')
  await expect(openDatabase({ embedded: { directory } })).rejects.toMatchObject({
    code: 'DATABASE_EMBEDDED_MISSING',
    message: expect.stringContaining(
      `another process runs the embedded PostgreSQL in ${directory}/data`,
    ),
  })
  await first.close()
  const child = open([directory, 'wait'])
  await opened(child)
  child.kill('SIGKILL')
  await child.exited
  // It waits for the old server, which may be stopping still.
  const second = await openDatabase({ embedded: { directory } })
  onTestFinished(() => second.close())
  expect(await second.query('select n from t')).toEqual([{ n: 42 }])
})

test.each([
  ['kill -9', 'wait', 'SIGKILL'],
  ['its own end without close()', '', undefined],
] as const)(
  'neither server nor temporary folder outlives a process that ends by %s',
  async (_, then, signal) => {
    const child = open(['', then])
    const { data, pid } = await opened(child)
    if (signal !== undefined) child.kill(signal)
    await child.exited
    await waitFor('the server to end', () => !isRunning(pid))
    await waitFor('its folder to go', () => !existsSync(dirname(data)))
  },
)

test('no server outlives a process that ends by SIGTERM, SIGINT or an uncaught error', async () => {
  const directory = await folder()
  for (const signal of ['SIGTERM', 'SIGINT', undefined] as const) {
    const child = open([directory, signal === undefined ? 'throw' : 'wait'])
    const { pid } = await opened(child)
    if (signal !== undefined) child.kill(signal)
    await child.exited
    await waitFor('the server to end', () => !isRunning(pid))
  }
})

// Anyone else is an ordinary user in all the tests above.
if (isRoot) {
  test('it also runs for an ordinary user', async () => {
    const child = startProcess('setpriv', [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      ...command(['', 'close']),
    ])
    const [, line = ''] = await child.waitForLine(/^(\{.*\})$/m)
    expect(JSON.parse(line).version).toMatch(/^PostgreSQL/)
    expect(await child.exited).toMatchObject({ code: 0 })
  })

  test('for root, a directory closed to the server is refused by name', async () => {
    const closed = await folder()
    await chmod(closed, 0o700)
    await expect(
      openDatabase({ embedded: { directory: join(closed, 'db') } }),
    ).rejects.toMatchObject({
      code: 'DATABASE_EMBEDDED_MISSING',
      message: expect.stringContaining(join(closed, 'db')),
    })
  })
}

test('a port that is taken is named in the error, and nothing is left behind', async () => {
  // Other files have such folders, too.
  const temporary = await folder()
  await chmod(temporary, 0o755)
  vi.stubEnv('TMPDIR', temporary)
  onTestFinished(() => void vi.unstubAllEnvs())
  const database = await openDatabase({ embedded: { directory: undefined } })
  onTestFinished(() => database.close())
  const before = await temporaryFolders()
  const opening = openDatabase({
    embedded: { directory: undefined, port: Number(new URL(database.url).port) },
  })
  await expect(opening).rejects.toMatchObject({
    code: 'DATABASE_EMBEDDED_MISSING',
    message: expect.stringContaining('Address already in use'),
  })
  expect(await temporaryFolders()).toEqual(before)
})

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'celery-toolbox-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function temporaryFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('celery-toolbox-postgres-'))
}

function command(args: readonly string[]): string[] {
  return [
    process.execPath,
    '--import',
    'tsx',
    join(import.meta.dirname, 'open-embedded.ts'),
    ...args,
  ]
}

function open(args: readonly string[]): Process {
  const [node = '', ...rest] = command(args)
  return startProcess(node, rest)
}

async function opened(child: Process): Promise<{ data: string; pid: number }> {
  const [, line = ''] = await child.waitForLine(/^(\{.*\})$/m)
  const { data } = JSON.parse(line)
  const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  return { data, pid: Number(pid) }
}

/** One that has ended, and that the system's first process has not taken note of yet, is none. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const status = `/proc/${pid}/status`
    return !(existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, 'utf8')))
  } catch {
    return false
  }
}

function collecting(sentences: string[]): Logger {
  const collect = (fields: unknown, sentence?: string) => {
    sentences.push(sentence ?? String(fields))
  }
  return { ...silentLogger, info: collect }
}
