import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { amqpProperties } from '../../src/protocol/amqp-properties.ts'
import { message } from '../monitor/messages.ts'
import { runCli } from '../support/processes.ts'
import { createTestDatabase, databaseUrl, dropTestDatabase } from '../support/test-databases.ts'

// One database for the whole file: each test looks at rows of its own.
let name: string
let client: Client

beforeAll(async () => {
  name = await createTestDatabase(inject('migratedTemplate'))
  client = new Client({ connectionString: databaseUrl(name) })
  await client.connect()
  await client.query(HISTORY)
  const { headers, properties, body } = message({ id: 'readable', args: [2, 3] })
  await client.query(
    `insert into monitor.quarantine (queue, exchange, routing_key, properties, headers, body, code, reason, task_id, digest, received_at)
     values ('platform.fifo', 'task_exchange', 'export', $1, $2, $3, 'BODY_TOO_LARGE', 'too large', 'readable', 'd1', now()),
       ('platform.fifo', 'task_exchange', 'export', $1, $2, '[not JSON', 'MESSAGE_UNDECODABLE', 'no JSON', 'broken', 'd2', now() - interval '1 minute'),
       ('platform.fifo', 'task_exchange', 'export', $1, $2, '\\xff00', 'MESSAGE_UNDECODABLE', 'mended', 'mended', 'd3', now() - interval '40 days')`,
    [JSON.stringify(amqpProperties(properties)), JSON.stringify(headers), body],
  )
  await client.query(
    "update monitor.quarantine set resolved_at = now() - interval '39 days' where task_id = 'mended'",
  )
})

afterAll(async () => {
  await client.end()
  await dropTestDatabase(name)
})

const HISTORY = `
  insert into monitor.task (task_id, name, state, queue, published_at, finished_at) values
    ('done', 'export.pdf', 'SUCCESS', 'export', now() - interval '40 days', now() - interval '40 days'),
    ('failed', 'export.pdf', 'FAILURE', 'export', now() - interval '40 days', now() - interval '40 days'),
    ('waiting', 'export.pdf', 'PENDING', 'export', now() - interval '40 days', null);
  insert into monitor.replay (task_id, turn, new_id, requested_at) values
    ('done', 1, 'again', now() - interval '39 days'), ('failed', 1, 'once more', now() - interval '39 days');
  insert into monitor.worker (hostname, updated_at) values
    ('gone@host', now() - interval '40 days'), ('here@host', now())`

test('tasks why answers from the database, and says that the broker could not be asked, where that is away', async () => {
  const startedAt = performance.now()
  const { code, stdout, stderr } = await run('tasks', 'why', 'waiting')
  expect(performance.now() - startedAt).toBeLessThan(6_000)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({
    taskId: 'waiting',
    status: 'PENDING',
    queue: { name: 'export', ahead: 0, messages: null, consumers: null },
    why: [
      'no worker has taken it yet: waiting in queue export',
      'nothing is ahead of it in queue export',
      expect.stringMatching(
        /^the broker could not be queried: no connection to amqp:\/\/guest:\*\*\*@127.0.0.1:1 within \d+ ms: .*ECONNREFUSED/,
      ),
    ],
  })
})

test('tasks size shows table by table what room the history takes', async () => {
  const { code, stdout, stderr } = await run('tasks', 'size', '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const sizes = JSON.parse(stdout) as { table: string; totalBytes: number }[]
  expect(sizes).toContainEqual(
    expect.objectContaining({ table: 'monitor.task', rows: 3, day: null, partitionOf: null }),
  )
  expect(sizes).toContainEqual(expect.objectContaining({ table: 'monitor.replay', rows: 2 }))
  expect(sizes).toContainEqual(
    expect.objectContaining({ partitionOf: 'monitor.event', day: expect.stringMatching(/^20/) }),
  )
  expect(sizes.every(({ totalBytes }) => totalBytes >= 0)).toBe(true)
})

test('tasks prune says what would go, then deletes it, and finds nothing the next time', async () => {
  const prune = async (...args: string[]) => {
    const { code, stdout } = await run('tasks', 'prune', ...args)
    expect(code).toBe(0)
    return JSON.parse(stdout)
  }
  const keep = ['--keep', '30d', '--keep-failures', '90d']
  const gone = { tasks: 1, replays: 1, workers: 1, quarantine: 1 }
  const left = async () => {
    const { rows } = await client.query<{ task_id: string }>(
      "select task_id from monitor.task where task_id in ('done', 'failed', 'waiting') order by 1",
    )
    return rows.map(({ task_id }) => task_id)
  }
  expect(await prune(...keep, '--dry-run')).toMatchObject({ ...gone, isDryRun: true })
  expect(await left()).toEqual(['done', 'failed', 'waiting'])
  expect(await prune(...keep, '--batch', '1')).toMatchObject({
    ...gone,
    isDryRun: false,
    isBusy: false,
    messages: { dropped: [], reduced: [], rows: 0 },
    events: { dropped: [], reduced: [], rows: 0 },
  })
  expect(await left()).toEqual(['failed', 'waiting'])
  expect(await prune(...keep)).toMatchObject({ tasks: 0, replays: 0, workers: 0, quarantine: 0 })
  // Without --keep it goes by the setting.
  const bySetting = await run('tasks', 'prune', '--dry-run', {
    CELERY_RETENTION: "{'unfinished': '7d'}",
  })
  expect(JSON.parse(bySetting.stdout)).toMatchObject({ tasks: 1, replays: 0, workers: 0 })
})

test('tasks prune does nothing where another one is at work, and exits with 1', async () => {
  await client.query("begin; select pg_advisory_xact_lock(hashtext('celery-toolbox prune'))")
  const { code, stdout, stderr } = await run('tasks', 'prune', '--keep', '1d')
  await client.query('rollback')
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ isBusy: true, tasks: 0 })
  expect(stderr).toContain('another prune is at work on this database; nothing was done')
})

test('what is in quarantine is listed, shown whole, and read again', async () => {
  const answer = async (...args: string[]) => {
    const { code, stdout, stderr } = await run('quarantine', ...args)
    return { code, stderr, json: JSON.parse(stdout) }
  }
  const { json: listed } = await answer('list')
  expect(listed).toMatchObject([
    { taskId: 'readable', code: 'BODY_TOO_LARGE', reason: 'too large', resolvedAt: null },
    { taskId: 'broken', code: 'MESSAGE_UNDECODABLE', bodyBytes: 9 },
  ])
  const [readable, broken] = listed
  expect(
    (await answer('list', '--code', 'MESSAGE_UNDECODABLE', '--limit', '1')).json,
  ).toMatchObject([{ taskId: 'broken' }])
  expect((await answer('show', String(broken.id))).json).toMatchObject({
    id: broken.id,
    body: '[not JSON',
    headers: { task: 'export.add', id: 'readable' },
    properties: { contentType: 'application/json' },
  })
  const dry = await answer('reinject', '--all', '--dry-run')
  expect(dry.json).toMatchObject({ isDryRun: true, looked: 2, recorded: 1 })
  const done = await answer('reinject', String(readable.id), String(broken.id), '999999')
  expect(done.json).toMatchObject({
    looked: 2,
    recorded: 1,
    stillUnread: [{ code: 'MESSAGE_UNDECODABLE', count: 1, firstId: broken.id }],
    missing: [999_999],
  })
  expect(done).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not in quarantine, or resolved already: 999999'),
  })
  const { rows } = await client.query("select args from monitor.task where task_id = 'readable'")
  expect(rows).toEqual([{ args: [2, 3] }])
  const all = (await answer('list', '--all')).json
  expect(all).toContainEqual(
    expect.objectContaining({ taskId: 'readable', resolvedAt: expect.stringMatching(/^20/) }),
  )
  expect(await run('quarantine', 'show', '999999')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(
      'no message in quarantine has the id 999999; "quarantine list --all" lists them [QUARANTINE_UNKNOWN]',
    ),
  })
})

test.each(['prune', 'size', 'quarantine'])(
  'what is asked of %s wrongly is refused, naming it, with what was expected',
  async (command) => {
    const refused = REFUSED.filter(
      ([line]) => line.includes(`${command} `) || line.endsWith(command),
    )
    const answers = await answersTo(refused.map(([line]) => line))
    expect(answers.length).toBeGreaterThan(1)
    for (const [at, [line, why]] of refused.entries()) {
      expect({ line, ...answers[at] }).toMatchObject({
        line,
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(why),
      })
    }
  },
)

const REFUSED = [
  ['tasks prune --keep forever', /--keep <span>.*'forever'.*Expected a span such as 12h, 30d/],
  ['tasks prune --keep 30', /--keep <span>.*'30'.*Expected a span/],
  ['tasks prune --keep-failures 1y', /--keep-failures <span>.*'1y'.*Expected a span/],
  ['tasks prune --keep 30d --batch 0', /--batch <n>.*'0'.*Expected a whole number, 1 or more/],
  ['tasks prune', /no age is given: use --keep 30d, or set RETENTION/],
  ['tasks prune --include-unfinished', /--include-unfinished needs --keep, such as/],
  ['tasks prune tasks --keep 30d', /too many arguments for 'prune'. Expected 0 arguments/],
  ['tasks prune --keep 30d --database mysql://x', /"mysql:\/\/x", expected postgresql:\/\//],
  ['tasks size --days 3', /unknown option '--days'/],
  ['tasks size --database here', /the database url is "here", expected postgresql:\/\//],
  ['quarantine list --limit none', /--limit <n>.*'none'.*Expected a whole number, 1 or more/],
  ['quarantine list --code', /--code <code>.*argument missing/],
  ['quarantine show', /missing required argument 'id'/],
  ['quarantine show first', /'first' is invalid for argument 'id'. Expected a whole number/],
  ['quarantine reinject', /by their ids, by --code or with --all; given: none of them/],
  ['quarantine reinject 1 2 --all', /given: the ids 1, 2 and --all/],
  ['quarantine reinject 1 b', /'b' is invalid for argument 'ids'. Expected a whole number/],
] as const

test('the help of each command says what it takes', async () => {
  const answers = await answersTo(HELP.map(([line]) => `${line} --help`))
  for (const [at, [line, parts]] of HELP.entries()) {
    expect(answers[at]).toMatchObject({ code: 0, stderr: '' })
    for (const part of [`Usage: celery-toolbox ${line} [options]`, ...parts]) {
      expect(answers[at]?.stdout).toContain(part)
    }
  }
})

const HELP = [
  [
    'tasks prune',
    ['--keep <span>', '--dry-run', 'Examples:', 'celery-toolbox tasks prune --keep 30d'],
  ],
  ['tasks size', ['--database <url>', '--json', 'disk space']],
  ['quarantine list', ['--code <code>', '--limit <n>', '--all']],
  ['quarantine show', ['<id>', '--json']],
  ['quarantine reinject', ['[ids...]', '--dry-run', '--all']],
] as const

/** A few at a time, as each is a process. */
async function answersTo(lines: readonly string[]): Promise<Awaited<ReturnType<typeof runCli>>[]> {
  if (lines.length === 0) return []
  const answers = await Promise.all(lines.slice(0, 5).map((line) => run(...line.split(' '))))
  return [...answers, ...(await answersTo(lines.slice(5)))]
}

/** With the variables that come last, if any do. There is no broker: none of these commands needs one. */
async function run(
  ...given: readonly (string | Readonly<Record<string, string>>)[]
): ReturnType<typeof runCli> {
  const args = given.filter((one) => typeof one === 'string')
  const more = given.filter((one) => typeof one !== 'string')
  const env = {
    CELERY_BROKER_URL: 'amqp://guest:secret@127.0.0.1:1',
    CELERY_RESULT_BACKEND: `db+${databaseUrl(name)}`,
    CELERY_QUEUES: "['export']",
  }
  return await runCli(args, { env: Object.assign({}, env, ...more) })
}
