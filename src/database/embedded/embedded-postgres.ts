import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { retry } from '../../async/backoff.ts'
import { DatabaseError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { connectedClient } from '../client-config.ts'
import { type Binaries, embeddedBinaries } from './embedded-binaries.ts'
import { createCluster, folderFor, NAME, passwordOf } from './embedded-cluster.ts'
import { startServer } from './embedded-server.ts'
import { type SystemUser, serverUser } from './system-user.ts'

export interface EmbeddedOptions {
  /** Where its files live; undefined: a temporary folder, removed at close. */
  readonly directory: string | undefined
  /** Default: any free one. */
  readonly port?: number
}

interface EmbeddedServer {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** A real PostgreSQL of our own, on loopback, which ends with this process. */
export async function startEmbeddedPostgres(
  options: EmbeddedOptions,
  logger: Logger,
): Promise<EmbeddedServer> {
  return await retry(() => startOnce(options, logger), {
    backoff: WAIT,
    onFailure: ({ cause, attempt }) => {
      // A port that was free a moment ago may be taken now; any other failure stays one.
      const portWasTaken = cause instanceof Error && cause.message.includes('already in use')
      if (options.port !== undefined || !portWasTaken || attempt > 3) throw cause
    },
  })
}

async function startOnce(options: EmbeddedOptions, logger: Logger): Promise<EmbeddedServer> {
  const user = await serverUser()
  const binaries = await embeddedBinaries(user)
  const folder = await folderFor(options.directory, user)
  const removed = options.directory === undefined ? [folder] : []
  if (binaries.copy !== undefined) removed.push(binaries.copy)
  try {
    return await start({ options, logger, user, binaries, folder, removed })
  } catch (error) {
    await Promise.all(removed.map((path) => rm(path, { recursive: true, force: true })))
    throw error
  }
}

interface Place {
  readonly options: EmbeddedOptions
  readonly logger: Logger
  readonly user: SystemUser | undefined
  readonly binaries: Binaries
  readonly folder: string
  readonly removed: readonly string[]
}

async function start(place: Place): Promise<EmbeddedServer> {
  const { options, logger, user, binaries, folder, removed } = place
  const cluster = join(folder, 'data')
  const password = await passwordOf(folder, user)
  await createCluster({ initdb: binaries.initdb, cluster, folder, user, logger })
  await previousServerGone(cluster, logger)
  const port = options.port ?? (await freePort())
  const durability = options.directory === undefined ? FORGETFUL : []
  const args = ['-D', cluster, '-p', String(port), ...SETTINGS, ...durability]
  const plan = { postgres: binaries.postgres, args, user, folder, removed }
  const stop = await startServer(plan, logger)
  const url = `postgresql://${NAME}:${password}@127.0.0.1:${port}`
  try {
    await createDatabase(url)
  } catch (error) {
    await stop()
    throw error
  }
  logger.info({ directory: folder, port }, 'embedded PostgreSQL is ready')
  return { url: `${url}/${NAME}`, stop }
}

const WAIT = { initialMs: 50, factor: 1.5, maxMs: 500, jitter: 0 }

const SETTINGS = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'timezone=UTC'].flatMap(
  (setting) => ['-c', setting],
)

/** Nothing of a temporary server needs to survive a power cut. */
const FORGETFUL = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'].flatMap(
  (setting) => ['-c', setting],
)

/** A server whose parent was killed a moment ago may still be stopping; one that keeps running is another's. */
async function previousServerGone(cluster: string, logger: Logger): Promise<void> {
  await retry(() => refuseIfRunning(cluster), {
    backoff: WAIT,
    withinMs: 10_000,
    onFailure: ({ cause, attempt }) => {
      if (attempt === 1) logger.info({ cluster }, 'waiting for the previous server to stop')
      if (attempt > 5 && cause instanceof InUse && !cause.isStopping) throw cause
    },
  })
}

class InUse extends DatabaseError {
  readonly isStopping: boolean

  constructor(cluster: string, pid: string, isStopping: boolean) {
    super(
      'DATABASE_EMBEDDED_MISSING',
      `another process runs the embedded PostgreSQL in ${cluster} (pid ${pid}); use that one by its url`,
    )
    this.isStopping = isStopping
  }
}

/** postmaster.pid: the first line is the server's id, the eighth says "ready", "stopping" and the like. */
async function refuseIfRunning(cluster: string): Promise<void> {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = file.split('\n')
  const [pid = ''] = lines
  if (isRunning(Number(pid))) throw new InUse(cluster, pid, lines[7]?.trim() === 'stopping')
}

function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Not ours to signal, but there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function createDatabase(url: string): Promise<void> {
  const { Client } = await import('pg')
  const client = await connectedClient(new Client({ connectionString: `${url}/postgres` }))
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [NAME])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`)
  } finally {
    await client.end()
  }
}
