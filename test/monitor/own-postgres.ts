import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts'
import { giveTo, serverUser } from '../../src/database/embedded/system-user.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { silentLogger } from '../../src/logger.ts'

const execute = promisify(execFile)

/** A PostgreSQL of the test's own, which can be stopped and started again with what it holds. */
export interface OwnPostgres {
  readonly url: string
  stop(): Promise<void>
  start(): Promise<void>
}

export async function ownPostgres(): Promise<OwnPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'own-postgres-'))
  let server = await startEmbeddedPostgres({ directory }, silentLogger)
  let isRunning = true
  const { url } = server
  const stop = async () => {
    if (isRunning) await server.stop()
    isRunning = false
  }
  onTestFinished(async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    url,
    stop,
    start: async () => {
      server = await startEmbeddedPostgres(
        { directory, port: Number(new URL(url).port) },
        silentLogger,
      )
      isRunning = true
    },
  }
}

/** A database whose disk can be filled. */
export interface SmallDisk {
  readonly url: string
  fill(): Promise<void>
  free(): Promise<void>
}

/** On a disk of its own in memory, where we may mount one; else the server is made to say that its disk is full. */
export async function databaseOnSmallDisk(server: OwnPostgres): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', folder])
  } catch {
    return simulated(server)
  }
  onTestFinished(async () => {
    await server.stop()
    await execute('umount', [folder])
  })
  return await mounted(server, folder)
}

async function mounted(server: OwnPostgres, folder: string): Promise<SmallDisk> {
  const user = await serverUser()
  await giveTo(user, folder)
  await using admin = await openDatabase({ url: server.url })
  await admin.query(`CREATE TABLESPACE small LOCATION '${folder}'`)
  await admin.query('CREATE DATABASE small TABLESPACE small')
  const url = new URL(server.url)
  url.pathname = '/small'
  const filler = join(folder, 'filler')
  return {
    url: url.href,
    fill: async () => {
      const { bavail, bsize } = await statfs(folder)
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - LEFT_BYTES)))
    },
    free: async () => {
      const file = await open(filler, 'w')
      await file.close()
    },
  }
}

/** Enough for some rows, so that the disk is full in the middle of the work. */
const LEFT_BYTES = 2 * 1024 * 1024

function simulated(server: OwnPostgres): SmallDisk {
  const run = async (sql: string) => {
    await using admin = await openDatabase({ url: server.url })
    await admin.query(sql)
  }
  return {
    url: server.url,
    fill: () => run(FULL),
    free: () => run('DROP TRIGGER full_disk ON monitor.message'),
  }
}

const FULL = `
  CREATE OR REPLACE FUNCTION monitor.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file: No space left on device';
  END $$;
  CREATE TRIGGER full_disk BEFORE INSERT ON monitor.message FOR EACH ROW EXECUTE FUNCTION monitor.full_disk();`
