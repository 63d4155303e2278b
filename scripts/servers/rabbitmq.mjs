// RabbitMQ: a node of our own name and cookie, with its distribution and its epmd on loopback too.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { inContainer } from './compose.mjs'
import { startDaemon, stopDaemon, waitUntilReady } from './daemon.mjs'
import { findProgram, folderFor, freePort, isExecutable, userFor } from './machine.mjs'
import { probeRabbitmq } from './probe.mjs'
import { CHECKOUT, LOGS } from './state.mjs'

const ON_LOOPBACK = '-kernel inet_dist_use_interface {127,0,0,1}'
// A delayed message whose hand-over to the next queue a restart cut off is handed over again after that; by default 3 min.
const HANDS_OVER_AGAIN = '-rabbit dead_letter_worker_publisher_confirm_timeout 10000'

export const rabbitmq = {
  name: 'rabbitmq',
  variable: 'AMQP_URL',
  defaultPort: 5672,
  packages: ['rabbitmq-server'],
  urlAt: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
  probe: probeRabbitmq,
  isInstalled: () => scriptsFolder() !== undefined && findProgram('epmd') !== undefined,
  start: startRabbitmq,
  wipe: () =>
    rmSync(join(folderFor('rabbitmq', userFor('rabbitmq')), 'data'), {
      recursive: true,
      force: true,
    }),
  /** One that runs already serves only where its rabbitmqctl does: tests make virtual hosts with it. */
  isUsable: () => ctl(undefined, ['--timeout', '10', 'list_vhosts', '--quiet'], 'ignore') === 0,
}

/**
 * Runs rabbitmqctl against the node that `up` found or started; answers its exit code. `eval` alone, which the tests
 * make and drop their virtual hosts with, goes by Erlang's own erl_call: 0.01 s of CPU time instead of a second. It has no answer
 * now and then; rabbitmqctl has one, or says why not.
 */
export function ctl(record, args, stdio = 'inherit') {
  const [name, expression, ...others] = args.filter((arg) => arg !== '--quiet')
  const isEval = name === 'eval' && expression !== undefined && others.length === 0
  const answered = isEval && canCall(record) ? evaluate(record, expression) : undefined
  if (answered !== undefined) return answered
  const [command, ...rest] = commandFor(record)
  const options = record?.origin === 'packages' ? asOwner(record) : {}
  const { status, error } = spawnSync(command, [...rest, ...args], { ...options, stdio })
  if (error && stdio === 'inherit')
    console.error(`scripts/services: cannot run ${command}: ${error.message}`)
  return status ?? 1
}

function commandFor(record) {
  const given = process.env.RABBITMQCTL?.split(' ').filter(Boolean)
  if (given?.length) return given
  if (record?.origin === 'compose') return inContainer('rabbitmq', ['rabbitmqctl'])
  if (record?.origin === 'packages') return [join(record.scripts, 'rabbitmqctl')]
  return ['rabbitmqctl']
}

function canCall(record) {
  return (
    record?.origin === 'packages' &&
    !process.env.RABBITMQCTL &&
    findProgram('erl_call') !== undefined
  )
}

/** Prints what the expression comes to, as `rabbitmqctl eval` does; undefined where it cannot be read, or the node cannot be reached. */
function evaluate(record, expression) {
  const { RABBITMQ_DIST_PORT: port } = record.env
  const body = expression.trim().replace(/\.$/, '')
  const input = `io:format("~p~n", [try ${body} catch Class:Reason -> {${FAILED}, Class, Reason} end]).\n`
  const flags = ['-r', '-no_result_term', '-fetch_stdout', '-timeout', '60']
  const { stdout } = spawnSync('erl_call', [...flags, '-address', `localhost:${port}`, '-e'], {
    ...asOwner(record),
    input,
    encoding: 'utf8',
  })
  if (!stdout) return undefined
  const hasFailed = stdout.startsWith(`{${FAILED}`)
  process[hasFailed ? 'stderr' : 'stdout'].write(stdout)
  return hasFailed ? 1 : 0
}

const FAILED = 'evaluation_failed'

function asOwner({ env, uid, gid, folder }) {
  return {
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env },
    cwd: folder,
    ...(uid === undefined ? {} : { uid, gid }),
  }
}

async function startRabbitmq(port) {
  const user = userFor('rabbitmq')
  const folder = folderFor('rabbitmq', user)
  const scripts = scriptsFolder()
  const env = await environmentFor(folder)
  const apiPort = hasManagement(scripts) ? await freePort(15_672) : undefined
  writeSettings({ folder, home: env.HOME, user, port, apiPort })
  const owner = { user, cwd: folder, env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env } }
  const epmd = await startDaemon({
    ...owner,
    command: findProgram('epmd'),
    args: ['-address', '127.0.0.1', '-port', env.ERL_EPMD_PORT],
    log: join(LOGS, 'epmd.log'),
  })
  const log = join(LOGS, 'rabbitmq.log')
  const url = rabbitmq.urlAt(port)
  try {
    const program = { command: join(scripts, 'rabbitmq-server'), args: [], log }
    const daemon = await startDaemon({ ...owner, ...program })
    await waitUntilReady({ name: 'rabbitmq', daemon, log, isReady: () => probeRabbitmq(url) })
    const { uid, gid } = user ?? {}
    const api = apiPort === undefined ? {} : { api: apiAt(apiPort) }
    return { url, ...api, daemons: [daemon, epmd], folder, scripts, env, uid, gid }
  } catch (cause) {
    await stopDaemon(epmd)
    throw cause
  }
}

async function environmentFor(folder) {
  return {
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(await freePort(4370)),
    RABBITMQ_NODENAME: `celery_toolbox_${CHECKOUT}@localhost`,
    RABBITMQ_DIST_PORT: String(await freePort(25_680)),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'no-env.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_ALLOW_INPUT: '1', // the script then becomes the server, so that its pid is the server's
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `${ON_LOOPBACK} ${HANDS_OVER_AGAIN} -noinput`,
    RABBITMQ_CTL_ERL_ARGS: ON_LOOPBACK,
    RABBITMQ_CTL_DIST_PORT_MAX: '35872',
  }
}

/** The management API: what consumers there are, and how many messages they hold. */
function apiAt(port) {
  return `http://guest:guest@127.0.0.1:${port}`
}

/** Debian ships the plugin with the server; another package may not. */
function hasManagement(scripts) {
  const plugins = join(dirname(realpathSync(join(scripts, 'rabbitmqctl'))), '../plugins')
  return existsSync(plugins) && readdirSync(plugins).some((name) => MANAGEMENT.test(name))
}

const MANAGEMENT = /^rabbitmq_management-/

function writeSettings({ folder, home, user, port, apiPort }) {
  const api =
    apiPort === undefined
      ? []
      : [`management.tcp.ip = 127.0.0.1`, `management.tcp.port = ${apiPort}`]
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    ...api,
    'disk_free_limit.absolute = 100MB',
    'log.console = true',
    'log.console.level = info',
  ]
  writeFileSync(join(folder, 'rabbitmq.conf'), `${settings.join('\n')}\n`)
  writeFileSync(
    join(folder, 'enabled_plugins'),
    apiPort === undefined ? '[].\n' : '[rabbitmq_management].\n',
  )
  const cookie = join(home, '.erlang.cookie')
  if (existsSync(cookie)) return
  writeFileSync(cookie, randomBytes(16).toString('hex'))
  chmodSync(cookie, 0o400)
  if (user) chownSync(cookie, user.uid, user.gid)
}

/** Debian's scripts on the PATH insist on their own user and folders; those they call do not. */
function scriptsFolder() {
  const onPath = findProgram('rabbitmq-server')
  const folders = ['/usr/lib/rabbitmq/bin', onPath ? dirname(realpathSync(onPath)) : '']
  return folders.find((folder) => folder !== '' && isExecutable(join(folder, 'rabbitmqctl')))
}
