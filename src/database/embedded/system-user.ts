import { execFile } from 'node:child_process'
import { chown, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

/** The user of the system that PostgreSQL runs as when we are root, as which it refuses to run. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/** "postgres" where it exists, else an unprivileged user that every system has: no user is added. Undefined when we are not root. */
export async function serverUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)])
    if (uid !== undefined && gid !== undefined) return { uid, gid }
  }
  return undefined
}

/** Whether the user may enter the folder: some, like /root, are closed to all others. */
export async function reachableFor(user: SystemUser, folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path)
    if ((mode & enterBit(user, uid, gid)) === 0) return false
    if (path === dirname(path)) return true
  }
}

export async function giveTo(user: SystemUser | undefined, path: string): Promise<void> {
  if (user !== undefined) await chown(path, user.uid, user.gid)
}

function enterBit(user: SystemUser, uid: number, gid: number): number {
  if (uid === user.uid) return 0o100
  return gid === user.gid ? 0o010 : 0o001
}

async function idOf(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)('id', [flag, name])
    return Number(stdout.trim())
  } catch {
    // No such user.
    return undefined
  }
}
