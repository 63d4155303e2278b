import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import { missing } from './embedded-binaries.ts'
import { giveTo, reachableFor, type SystemUser } from './system-user.ts'

/** The name of the role and of the database alike. */
export const NAME = 'celery_toolbox'

/** The folder that holds everything of one embedded server; undefined asks for a temporary one. */
export async function folderFor(
  directory: string | undefined,
  user: SystemUser | undefined,
): Promise<string> {
  if (directory === undefined) {
    const temporary = await mkdtemp(join(tmpdir(), 'celery-toolbox-postgres-'))
    await giveTo(user, temporary)
    return temporary
  }
  const folder = resolve(directory)
  await mkdir(folder, { recursive: true })
  await giveTo(user, folder)
  if (user === undefined || (await reachableFor(user, folder))) return folder
  throw missing(
    `PostgreSQL does not run as root, and the user it runs as (uid ${user.uid}) may not enter ${folder}; ` +
      'name a directory whose parents are open to others',
  )
}

/** Made once for each directory, and kept beside the data. */
export async function passwordOf(folder: string, user: SystemUser | undefined): Promise<string> {
  const file = join(folder, 'password')
  try {
    return await readFile(file, 'utf8')
  } catch {
    // The first start.
    const password = randomBytes(18).toString('base64url')
    await writeFile(file, password, { mode: 0o600 })
    await giveTo(user, file)
    return password
  }
}

interface ClusterPlan {
  readonly initdb: string
  readonly cluster: string
  readonly folder: string
  readonly user: SystemUser | undefined
  readonly logger: Logger
}

export async function createCluster(plan: ClusterPlan): Promise<void> {
  const { initdb, cluster, folder, user, logger } = plan
  if (await exists(cluster)) return
  logger.info(
    { directory: folder },
    'preparing an embedded PostgreSQL, the first start takes a moment',
  )
  // Under another name until it is whole, in case we are killed meanwhile.
  const unfinished = `${cluster}.new`
  await rm(unfinished, { recursive: true, force: true })
  const args = [
    `--pgdata=${unfinished}`,
    `--username=${NAME}`,
    `--pwfile=${join(folder, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ]
  try {
    await promisify(execFile)(initdb, args, { ...user, cwd: folder })
  } catch (cause) {
    throw missing(textOfError(cause), cause)
  }
  await rename(unfinished, cluster)
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
