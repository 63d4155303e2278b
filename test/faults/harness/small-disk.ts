import { execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { service } from '../../support/services.ts'

const execute = promisify(execFile)

/** The disk of one database, which can be filled. */
export interface SmallDisk {
  readonly fill: () => Promise<void>
  readonly free: () => Promise<void>
}

/** What the record of a minute takes, and what an empty database does. */
const MINUTE_MEBIBYTES = 40
const EMPTY_MEBIBYTES = 160
const SPACE = 'celery_toolbox_small_disk'
/** Enough for some rows, so that it is full in the middle of the work. */
const LEFT_BYTES = 256 * 1024

/** Moves the database, which nobody uses yet, onto a disk of its own in memory; undefined where we may not mount one. */
export async function smallDisk(
  databaseUrl: string,
  { minutes }: { readonly minutes: number },
): Promise<SmallDisk | undefined> {
  const name = new URL(databaseUrl).pathname.slice(1)
  const client = new Client({ connectionString: service('DATABASE_URL') })
  await client.connect()
  onTestFinished(() => client.end())
  try {
    const server = await serverOf(client)
    const mebibytes = EMPTY_MEBIBYTES + Math.ceil(minutes * MINUTE_MEBIBYTES)
    const folder = await mounted(server, mebibytes)
    await client.query(`create tablespace ${SPACE} location '${folder}'`)
    await client.query(`alter database ${name} set tablespace ${SPACE}`)
    onTestFinished(async () => {
      await client.query(`drop database if exists ${name} with (force)`)
      await client.query(`drop tablespace ${SPACE}`)
      await unmounted(server, folder)
    })
    return diskAt(server, folder, mebibytes)
  } catch (cause) {
    console.log(`faults: without those of a full disk: ${cause}`)
    return undefined
  }
}

/** The process of the server: its mounts need not be those of this one. */
async function serverOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const status = await readFile(`/proc/${rows[0]?.pid}/status`, 'utf8')
  return Number(/PPid:\s+(\d+)/.exec(status)?.[1])
}

async function mounted(server: number, mebibytes: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'))
  await inMountsOf(server, ['mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder])
  const { uid, gid } = await stat(`/proc/${server}`)
  await chown(join(`/proc/${server}/root`, folder), uid, gid)
  return folder
}

async function unmounted(server: number, folder: string): Promise<void> {
  await inMountsOf(server, ['umount', folder])
  await rm(folder, { recursive: true, force: true })
}

async function inMountsOf(server: number, command: readonly string[]): Promise<void> {
  await execute('nsenter', ['-t', String(server), '-m', ...command])
}

/** Its size shrinks to what is on it: a file that fills it would race with what PostgreSQL writes meanwhile. */
function diskAt(server: number, folder: string, mebibytes: number): SmallDisk {
  const resize = (size: string) =>
    inMountsOf(server, ['mount', '-o', `remount,size=${size}`, folder])
  return {
    fill: async () => {
      const { blocks, bfree, bsize } = await statfs(join(`/proc/${server}/root`, folder))
      await resize(String((blocks - bfree) * bsize + LEFT_BYTES))
    },
    free: () => resize(`${mebibytes}m`),
  }
}
