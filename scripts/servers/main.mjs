import { ensureInstalled, requireNode } from '../project.mjs'
import { removeContainer } from './compose.mjs'
import { stopDaemon } from './daemon.mjs'
import { safeUrl } from './masked-url.mjs'
import { bringMoto, bringOldSqs } from './python.mjs'
import { ctl } from './rabbitmq.mjs'
import { ENV_FILE, readEnvFile, readState, withLock, writeEnvFile, writeState } from './state.mjs'
import { isAlive, SERVERS, up } from './up.mjs'

const HELP = `Usage: scripts/services <command>

The servers that tests and benchmarks need: RabbitMQ, PostgreSQL, Redis, and Python with Celery.

Commands:
  up                    start what is missing; quick where everything runs
  down                  stop what up started, and nothing else
  status                show what is there, from where, at which address (exit code 1 where something is missing)
  env                   print the variables that tests read (also in .services/env)
  rabbitmqctl ARGS...   run rabbitmqctl against the RabbitMQ in use
  sqs                   install moto, which stands for Amazon SQS in npm run test:sqs, and Celery 5.2 (290 MB, from PyPI)

Each server is taken from the first place that has it:
  1. AMQP_URL, DATABASE_URL, REDIS_URL in the environment
  2. one that listens on its usual port on 127.0.0.1 and takes our credentials
  3. installed packages; as root on Debian, missing ones are installed
  4. docker compose (scripts/services.compose.yml)
Python: PYTHON_CELERY and PYTHON_CELERY_OLD in the environment, else .venv with the newest Celery from PyPI, and
Debian's python3-celery. RABBITMQCTL names another rabbitmqctl command, e.g. "docker exec broker rabbitmqctl".

What up starts listens on loopback only and keeps its files in .services/.`

const commands = {
  up: runUp,
  down: runDown,
  status: runStatus,
  env: runEnv,
  rabbitmqctl: runCtl,
  sqs: runSqs,
}

requireNode()
process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]) {
  if (name === '--help' || name === '-h' || name === 'help') {
    console.log(HELP)
    return 0
  }
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined
  if (!command) return refuse(name ? `unknown command: ${name}` : 'a command is missing')
  if (command !== runCtl && args.length > 0)
    return refuse(`${name} takes no arguments: ${args.join(' ')}`)
  try {
    return await command(args)
  } catch (error) {
    console.error(`scripts/services ${name}: ${error.message}`)
    return 1
  }
}

function refuse(problem) {
  console.error(`scripts/services: ${problem}\n\n${HELP}`)
  return 2
}

async function runSqs() {
  console.log(`moto        ${await bringMoto()}`)
  console.log(`Celery 5.2  ${await bringOldSqs()}`)
  return 0
}

async function runUp() {
  await ensureInstalled()
  await up()
  return await runStatus()
}

function runDown() {
  return withLock(async () => {
    const state = readState()
    for (const server of SERVERS) {
      const record = state[server.name]
      if (record?.origin === 'packages') await stopAll(server, record)
      if (record?.origin === 'compose') await removeContainer(server.name)
      delete state[server.name]
    }
    writeState(state)
    writeEnvFile({})
    return 0
  })
}

async function stopAll(server, record) {
  for (const daemon of record.daemons) await stopDaemon(daemon)
  server.afterStop?.()
  console.error(`› Stopped ${server.name}`)
}

async function runStatus() {
  const state = readState()
  const rows = await Promise.all(SERVERS.map((server) => rowOf(server, state[server.name])))
  for (const kind of ['newest', 'old']) {
    const python = state.python?.[kind]
    rows.push([
      `celery (${kind})`,
      python ? 'there' : 'missing',
      python?.version ?? '',
      python?.python ?? '',
    ])
  }
  printTable([['server', 'state', 'from', 'address'], ...rows])
  return rows.every(([, condition]) => condition !== 'missing' && condition !== 'down') ? 0 : 1
}

async function rowOf(server, record) {
  const url = process.env[server.variable] ?? record?.url
  if (!url) return [server.name, 'missing', '', '']
  const origin = process.env[server.variable] ? 'given' : record.origin
  const condition = await conditionOf(server, record, url)
  return [server.name, condition, origin, safeUrl(url)]
}

async function conditionOf(server, record, url) {
  if (record?.url === url && !isAlive(server, record)) return 'down'
  try {
    await server.probe(url)
    return 'up'
  } catch {
    return 'down' // status says that it is down; why is what up says
  }
}

function runEnv() {
  const variables = Object.entries(readEnvFile())
  if (variables.length === 0) throw new Error(`${ENV_FILE} is not there; run scripts/services up`)
  for (const [name, value] of variables) console.log(`${name}=${value}`)
  return 0
}

function runCtl(args) {
  const record = readState().rabbitmq
  const { AMQP_URL } = process.env
  // Tests are given the address of the server that `up` started: that one is not another program's.
  const isGiven = AMQP_URL !== undefined && AMQP_URL !== record?.url
  return ctl(isGiven ? { origin: 'given' } : record, args)
}

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
  }
}
