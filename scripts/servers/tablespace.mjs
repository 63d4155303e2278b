// Where the tests' databases are: in memory, where the machine has enough of it to spare.
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from './state.mjs'

const NAME = 'test_memory'
const IN_MEMORY = '/dev/shm'
const FOLDER = join(IN_MEMORY, `celery-toolbox-${CHECKOUT}`)
const ENOUGH_BYTES = 4 * 1024 ** 3

/**
 * Makes the tablespace `test_memory`, which test/support/test-databases.ts uses where it is there. Tests make and drop
 * thousands of databases of 300 files each; on a disk whose ext4 has no journal, as virtual machines often have it, a
 * new file costs more the more were just deleted, and a database up to a second of CPU time instead of 0.05.
 */
export async function prepareTablespace(client, user) {
  const { rowCount } = await client.query('select from pg_tablespace where spcname = $1', [NAME])
  if (rowCount > 0 && isFilled()) return
  if (rowCount > 0) await dropLost(client)
  removeTablespace()
  if (!hasRoom()) return
  mkdirSync(FOLDER, { mode: 0o700 })
  if (user) chownSync(FOLDER, user.uid, user.gid)
  await client.query(`create tablespace ${NAME} location '${FOLDER}'`)
}

/** Gives the memory back: the next start finds the tablespace lost, and makes it again. */
export function removeTablespace() {
  rmSync(FOLDER, { recursive: true, force: true })
}

/** False also after the machine restarted: PostgreSQL keeps a folder of its version in each tablespace. */
function isFilled() {
  return existsSync(FOLDER) && readdirSync(FOLDER).length > 0
}

async function dropLost(client) {
  const { rows } = await client.query(
    `select datname as name from pg_database join pg_tablespace space on space.oid = dattablespace
     where spcname = $1`,
    [NAME],
  )
  for (const { name } of rows) await client.query(`drop database "${name}"`)
  await client.query(`drop tablespace ${NAME}`)
}

function hasRoom() {
  if (!existsSync(IN_MEMORY)) return false
  const { bavail, bsize } = statfsSync(IN_MEMORY)
  return bavail * bsize >= ENOUGH_BYTES
}
