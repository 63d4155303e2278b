// `scripts/services up`: each server from the first place that has it.

import { existsSync } from 'node:fs'
import { canCompose, isContainerRunning, startContainer } from './compose.mjs'
import { isRunning, stopDaemon } from './daemon.mjs'
import { freePort, isListening } from './machine.mjs'
import { canInstallPackages, installPackages } from './packages.mjs'
import { postgres } from './postgres.mjs'
import {
  bringArroyo,
  bringFlower,
  bringMypy,
  bringPython,
  bringTaskflow,
  bringZocalo,
  PYTHON_PACKAGES,
  wantsPythonPackages,
} from './python.mjs'
import { rabbitmq } from './rabbitmq.mjs'
import { redis } from './redis.mjs'
import { readState, withLock, writeEnvFile, writeState } from './state.mjs'

const ZOOKEEPER_JAR = '/usr/share/java/zookeeper.jar'

export const SERVERS = [rabbitmq, postgres, redis]

/** Brings everything up; what is up already stays as it is. Answers the record of it. */
export function up() {
  return withLock(async () => {
    const state = readState()
    const found = await Promise.all(SERVERS.map((server) => find(server, state[server.name])))
    const missing = SERVERS.filter((_, index) => found[index] === undefined)
    await installMissing(missing, state.python)
    // The Python environment takes longest and needs no server: it is made while they start.
    const [python, ...started] = await allOrFirstFailure([
      bringPython(state.python),
      ...SERVERS.map((server, index) => found[index] ?? remember(server, state)),
    ])
    SERVERS.forEach((server, index) => {
      state[server.name] = started[index]
    })
    state.python = { ...python, ...(await bringPeers(python.newest.python)) }
    writeState(state)
    writeEnvFile(variablesOf(state))
    return state
  })
}

/** Environments of their own, made side by side: pip mostly waits for PyPI. */
async function bringPeers(newest) {
  const peers = {
    taskflow: bringTaskflow(),
    arroyo: bringArroyo(),
    zocalo: bringZocalo(),
    flower: bringFlower(newest),
    mypy: bringMypy(),
  }
  const found = await allOrFirstFailure(Object.values(peers))
  return Object.fromEntries(Object.keys(peers).map((name, at) => [name, found[at]]))
}

/** The variables that tests get, and that `scripts/services env` prints. */
export function variablesOf(state) {
  const urls = SERVERS.map((server) => [server.variable, state[server.name].url])
  const { api } = state.rabbitmq
  return {
    ...Object.fromEntries(urls),
    ...(api === undefined ? {} : { RABBITMQ_API_URL: api }),
    PYTHON_CELERY: state.python.newest.python,
    PYTHON_CELERY_OLD: state.python.old.python,
    ...(state.python.taskflow && { PYTHON_TASKFLOW: state.python.taskflow }),
    ...(state.python.arroyo && { PYTHON_ARROYO: state.python.arroyo }),
    ...(state.python.zocalo && { PYTHON_ZOCALO: state.python.zocalo }),
    ...(state.python.flower && { PYTHON_FLOWER: state.python.flower }),
    ...(state.python.mypy && { PYTHON_MYPY: state.python.mypy }),
  }
}

/** True where the record's own process or container is alive. */
export function isAlive(server, record) {
  if (record.origin === 'packages') return record.daemons.every(isRunning)
  if (record.origin === 'compose') return isContainerRunning(server.name)
  return true
}

async function find(server, record) {
  const given = process.env[server.variable]
  if (given) return useGiven(server, given)
  if (record && record.origin !== 'given' && (await stillServes(server, record))) return record
  return findListening(server)
}

async function useGiven(server, url) {
  try {
    await server.probe(url)
  } catch (cause) {
    throw new Error(
      `${server.variable} is set, but the server there does not take us: ${cause.message}`,
      {
        cause,
      },
    )
  }
  return { origin: 'given', url }
}

async function stillServes(server, record) {
  return (
    (record.origin === 'listening' || isAlive(server, record)) && (await takes(server, record.url))
  )
}

async function findListening(server) {
  if (!(await isListening(server.defaultPort))) return undefined
  const url = server.urlAt(server.defaultPort)
  if (!(await takes(server, url))) return undefined
  if (server.isUsable && !server.isUsable()) return undefined
  return { origin: 'listening', url }
}

async function takes(server, url) {
  try {
    await server.probe(url)
    return true
  } catch {
    return false // another program's server, or none: the next place is tried
  }
}

async function installMissing(missing, python) {
  if (!canInstallPackages()) return
  const absent = missing.filter((server) => !server.isInstalled())
  const packages = absent.flatMap((server) => server.packages)
  if (packages.length > 0) await installPackages(packages)
  if (wantsPythonPackages(python)) await installPackages(PYTHON_PACKAGES)
  // Those who test or measure a board in ZooKeeper start one of their own; without it they are skipped.
  if (!existsSync(ZOOKEEPER_JAR)) await installPackages(['zookeeper'])
}

/** Starts a server and writes it down at once, so that `down` knows it even where another one fails. */
async function remember(server, state) {
  for (const daemon of state[server.name]?.daemons ?? []) await stopDaemon(daemon)
  const startedAt = Date.now()
  const record = await start(server)
  state[server.name] = record
  writeState(state)
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  console.error(`› Started ${server.name} on port ${new URL(record.url).port} (${seconds} s)`)
  return record
}

async function start(server) {
  const port = await freePort(server.defaultPort)
  if (server.isInstalled()) return { origin: 'packages', ...(await startInstalled(server, port)) }
  if (canCompose()) return { origin: 'compose', ...(await startInContainer(server, port)) }
  throw new Error(
    `no ${server.name}: nothing serves us on port ${server.defaultPort}, no package is installed, ` +
      `and docker compose is not there. Set ${server.variable}, or install ${server.packages.join(' ')} ` +
      '(as root this command does it on Debian)',
  )
}

async function startInstalled(server, port) {
  try {
    return await server.start(port)
  } catch (cause) {
    if (!server.wipe) throw cause
    console.error(
      `› ${server.name} did not start (${cause.message}); trying again without its old data`,
    )
    server.wipe()
    return await server.start(await freePort(port))
  }
}

async function startInContainer(server, port) {
  await startContainer(server.name, port)
  const url = server.urlAt(port)
  const deadline = Date.now() + 120_000
  while (!(await takes(server, url))) {
    if (Date.now() > deadline)
      throw new Error(`${server.name} in its container did not answer in 120 s`)
    await new Promise((wake) => setTimeout(wake, 250))
  }
  return { url }
}

/** Like Promise.all, but waits for all before it throws: nothing is left half started behind the error. */
async function allOrFirstFailure(promises) {
  const settled = await Promise.allSettled(promises)
  const failures = settled.filter(({ status }) => status === 'rejected').map(({ reason }) => reason)
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new Error(failures.map(({ message }) => message).join('\n'))
  return settled.map(({ value }) => value)
}
