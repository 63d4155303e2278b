import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { runCli, startCli } from '../support/processes.ts'
import { freshVhost, type Vhost } from '../support/rabbitmq.ts'
import { Secrets } from '../support/secrets.ts'
import { PROJECT, service } from '../support/services.ts'
import { APP } from './cli-space.ts'
import { freshFolder } from './fresh-folder.ts'

type Variables = Readonly<Record<string, string>>

const ID = '00000000-0000-4000-8000-000000000000'
/** Where servers are away, or settings are wrong, every command fails on the same few ways. */
const OF_EACH_WAY: readonly string[] = [
  'doctor',
  'doctor --json',
  'config show --all --json',
  'config check',
  'status --json',
  'inspect conf --json',
  'queues',
  `result ${ID}`,
  'call export.add --args [1]',
  'tasks list',
  'migrate status',
]
const COMMANDS: readonly string[] = [
  ...OF_EACH_WAY,
  'migrate up',
  'config show',
  'doctor --iam',
  'inspect stats',
  'inspect report',
  'control enable_events',
  'tasks stats',
  'tasks size',
  'tasks scheduled',
  'tasks reconcile --dry-run',
  `tasks show ${ID}`,
  `tasks why ${ID}`,
  `tasks revoke ${ID}`,
  'quarantine list',
  'dead-letters list',
  'purge -f',
  'flow list',
  'multi show w1',
]

test('no command shows a secret, nor does a service or what it serves', async () => {
  const { secrets, folder, env } = await secretSite()
  const services = await Promise.all(
    [`worker -A ${join(PROJECT, APP)} -E -l debug -n w@h`, 'monitor -l debug'].map((command) =>
      startService(command, {
        folder,
        env: { ...env, CELERY_RESULT_BACKEND: `db+${env.DATABASE_URL}` },
      }),
    ),
  )
  const shown = await shownBy(COMMANDS, { secrets, folder, env })
  const served = await Promise.all(services.map((stopped) => stopped()))
  expect([...shown, ...secrets.shownIn(served.join('\n'))]).toEqual([])
}, 300_000)

test('no command shows a secret of a server that is away', async () => {
  const { secrets, folder, env } = await secretSite()
  const away = Object.entries(env).map(([name, text]) => [
    name,
    text.replace(/@127[^/]*/, '@127.0.0.1:1'),
  ])
  const shown = await shownBy(OF_EACH_WAY, { secrets, folder, env: Object.fromEntries(away) })
  expect(shown).toEqual([])
}, 300_000)

test.each([
  ['urls without a scheme', (password: string) => `me:${password}@127.0.0.1:1/v`],
  ['urls with a wrong port', (password: string) => `amqp://me:${password}@127.0.0.1:port/v`],
  ['urls whose password has a slash', (password: string) => `redis://me:${password}/${password}@h`],
  ['text that is no literal', (password: string) => `{'password': '${password}', `],
])(
  'no command shows a secret in settings that are wrong: %s',
  async (_, wrong) => {
    const secrets = new Secrets()
    const env = Object.fromEntries(WRONG.map((name) => [name, wrong(secrets.of(name))]))
    const commands = [
      'config check',
      'config show --json',
      'doctor',
      'queues',
      'tasks list',
      'worker',
    ]
    expect(await shownBy(commands, { secrets, folder: freshFolder(), env })).toEqual([])
  },
  300_000,
)

const WRONG = [
  'CELERY_BROKER_URL',
  'CELERY_RESULT_BACKEND',
  'DATABASE_URL',
  'RABBITMQ_API_URL',
  'CELERY_BROKER_TRANSPORT_OPTIONS',
  'CELERY_BROKER_USE_SSL',
  'CELERY_REDIS_BACKEND_USE_SSL',
  'CELERY_DATABASE_ENGINE_OPTIONS',
]

interface Site {
  readonly secrets: Secrets
  readonly folder: string
  readonly env: Variables
}

/** Which secrets the commands show; four run at a time. */
async function shownBy(
  commands: readonly string[],
  { secrets, folder, env }: Site,
): Promise<readonly string[]> {
  const left = [...commands]
  const shown: string[] = []
  const runSome = async (): Promise<void> => {
    for (let command = left.shift(); command !== undefined; command = left.shift()) {
      const args = [...command.split(' '), '--debug']
      const { stdout, stderr } = await runCli(args, { env, cwd: folder })
      const found = secrets.shownIn(stdout + stderr)
      shown.push(...found.map((where) => `${command}: ${where}`))
    }
  }
  await Promise.all([runSome(), runSome(), runSome(), runSome()])
  return shown
}

/** What is returned stops it, and answers all that it logged and served. */
async function startService(
  command: string,
  { folder, env }: Pick<Site, 'folder' | 'env'>,
): Promise<() => Promise<string>> {
  const port = await freePort()
  const args = [...command.split(' '), '--health-port', String(port)]
  const running = startCli(args, { env, cwd: folder })
  await running.waitForLine(/worker ready|monitor started/, { deadlineMs: 60_000 })
  return async () => {
    const pages = await Promise.all(
      ['livez', 'readyz', 'metrics'].map(async (page) =>
        (await fetch(`http://127.0.0.1:${port}/${page}`)).text(),
      ),
    )
    await running.stop()
    return [...pages, running.output].join('\n')
  }
}

/** Servers that take passwords of their own, and every other place in which a secret may stand. */
async function secretSite(): Promise<Site> {
  const secrets = new Secrets()
  const [vhost, database] = [await freshVhost(), await migratedDatabase()]
  const folder = freshFolder()
  const broker = await brokerUsers(vhost, BROKER_USERS, secrets)
  const env = {
    CELERY_BROKER_URL: broker('broker_url'),
    CELERY_BROKER_READ_URL: broker('broker_read_url'),
    CELERY_BROKER_WRITE_URL: broker('broker_write_url'),
    CELERY_RESULT_BACKEND: await redisUser('result_backend', secrets.of('result_backend')),
    DATABASE_URL: await databaseUser(database, secrets.of('DATABASE_URL')),
    RABBITMQ_API_URL: apiUrl(broker('rabbitmq_api_url')),
    ...otherPlaces((name) => secrets.of(name)),
  }
  const lines = ['CELERY_RESULT_DB_PASS', 'OTHER_PASSWORD'].map(
    (name) => `${name}=${secrets.of(name)}\n`,
  )
  writeFileSync(join(folder, '.env'), lines.join(''))
  return { secrets, folder, env }
}

const BROKER_USERS = ['broker_url', 'broker_read_url', 'broker_write_url', 'rabbitmq_api_url']

/** Variables with secrets for servers of which none is there. */
function otherPlaces(secret: (name: string) => string): Variables {
  return {
    PGPASSWORD: secret('PGPASSWORD'),
    CELERY_QUEUES: "['export']",
    CELERY_BROKER_PASSWORD: secret('broker_password'),
    CELERY_BROKER_PASWORD: secret('a misspelt variable'),
    CELERY_MY_TOKEN: secret('an unknown variable'),
    CELERY_REDIS_PASSWORD: secret('redis_password'),
    CELERY_S3_SECRET_ACCESS_KEY: secret('s3_secret_access_key'),
    CELERY_MONGODB_BACKEND_SETTINGS: `{'host': 'mongodb://u:${secret('mongodb url')}@h', 'password': '${secret('mongodb')}'}`,
    CELERY_COUCHBASE_BACKEND_SETTINGS: `{'password': '${secret('couchbase')}'}`,
    CELERY_CASSANDRA_AUTH_KWARGS: `{'username': 'u', 'password': '${secret('cassandra')}'}`,
    CELERY_DATABASE_ENGINE_OPTIONS: `{'connect_args': {'password': '${secret('engine options')}'}}`,
    CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS: `{'sentinel_kwargs': {'password': '${secret('sentinel')}'}}`,
    SENTRY_DSN: `https://${secret('SENTRY_DSN')}@sentry.example/1`,
    AWS_ACCESS_KEY_ID: secret('AWS_ACCESS_KEY_ID'),
    AWS_SECRET_ACCESS_KEY: secret('AWS_SECRET_ACCESS_KEY'),
    AWS_SESSION_TOKEN: secret('AWS_SESSION_TOKEN'),
  }
}

/** A user for each of the names, with a password of its own; answers the virtual host's url as each has it. */
async function brokerUsers(
  vhost: Vhost,
  names: readonly string[],
  secrets: Secrets,
): Promise<(name: string) => string> {
  const userOf = (name: string) => `${name}-${vhost.name}`
  const each = (make: (user: string, name: string) => string) => {
    const made = names.map((name) => make(`<<"${userOf(name)}">>`, name))
    return vhost.rabbitmqctl('eval', `${made.join(', ')}.`) // at once, as rabbitmqctl takes seconds
  }
  await each(
    (user, name) => `
      rabbit_auth_backend_internal:add_user(${user}, <<"${secrets.of(name)}">>, <<"a test">>),
      rabbit_auth_backend_internal:set_tags(${user}, [monitoring], <<"a test">>),
      rabbit_auth_backend_internal:set_permissions(${user}, <<"${vhost.name}">>, <<".*">>, <<".*">>, <<".*">>, <<"a test">>)`,
  )
  onTestFinished(async () => {
    await each((user) => `rabbit_auth_backend_internal:delete_user(${user}, <<"a test">>)`)
  })
  return (name) => {
    const url = new URL(vhost.url)
    return Object.assign(url, { username: userOf(name), password: secrets.of(name) }).href
  }
}

function apiUrl(brokerUrl: string): string {
  const api = new URL(service('RABBITMQ_API_URL'))
  const { username, password } = new URL(brokerUrl)
  return Object.assign(api, { username, password }).href
}

async function redisUser(name: string, password: string): Promise<string> {
  const redis = new Redis(service('REDIS_URL'))
  await redis.call('ACL', 'SETUSER', name, 'on', `>${password}`, '~*', '&*', '+@all')
  onTestFinished(async () => {
    await redis.call('ACL', 'DELUSER', name)
    redis.disconnect()
  })
  return service('REDIS_URL').replace('://', `://${name}:${password}@`)
}

async function databaseUser(database: string, password: string): Promise<string> {
  const url = new URL(database)
  const role = `role_of_${url.pathname.slice(1)}`
  const client = new Client({ connectionString: database })
  await client.connect()
  await client.query(`create role ${role} login superuser password '${password}'`)
  onTestFinished(async () => {
    await client.query(`reassign owned by ${role} to current_user`)
    await client.query(`drop owned by ${role} cascade; drop role ${role}`)
    await client.end()
  })
  return Object.assign(url, { username: role, password }).href
}
