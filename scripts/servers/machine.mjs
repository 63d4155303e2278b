// What this machine offers: ports, users, programs, places that a user can reach.
import { spawnSync } from 'node:child_process'
import { accessSync, chownSync, constants, mkdirSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { CHECKOUT, HOME } from './state.mjs'

const LOOPBACK = '127.0.0.1'

export function isRoot() {
  return process.getuid?.() === 0
}

/** True where something accepts connections on that loopback port. */
export function isListening(port) {
  return new Promise((settle) => {
    const socket = connect({ host: LOOPBACK, port, timeout: 1000 })
    const answer = (isOpen) => {
      socket.destroy()
      settle(isOpen)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })
}

/** The preferred port where it is free, else the next one that is. */
export async function freePort(preferred) {
  for (let port = preferred; port < preferred + 200; port += 1) {
    if (await canBind(port)) return port
  }
  throw new Error(`no free port from ${preferred} to ${preferred + 199} on ${LOOPBACK}`)
}

/** Also false where the port is taken on another address: a later server there could not be distinguished from ours. */
function canBind(port) {
  return new Promise((settle) => {
    const server = createServer()
    server.once('error', () => settle(false))
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => server.close(() => settle(true)))
  })
}

/** Where a program is, or undefined. `folders` come after the PATH. */
export function findProgram(name, folders = []) {
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...folders]
  return places.map((folder) => join(folder, name)).find(isExecutable)
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // not there, or not for us
  }
}

/** The first of these users that exists; undefined (stay who we are) unless we are root. */
export function userFor(...names) {
  if (!isRoot()) return undefined
  return names.map(lookUpUser).find((user) => user !== undefined)
}

export function lookUpUser(name) {
  const id = (flag) => spawnSync('id', [flag, name], { encoding: 'utf8' })
  const uid = id('-u')
  if (uid.status !== 0) return undefined
  return { name, uid: Number(uid.stdout), gid: Number(id('-g').stdout) }
}

/** A folder owned by `user`, under the project; elsewhere where that user cannot get there (a clone in /root). */
export function folderFor(name, user) {
  const inProject = join(HOME, name)
  mkdirSync(inProject, { recursive: true })
  const folder = canReach(inProject, user)
    ? inProject
    : join('/var/tmp', `celery-toolbox-${CHECKOUT}`, name)
  mkdirSync(folder, { recursive: true })
  if (user) chownSync(folder, user.uid, user.gid)
  return folder
}

function canReach(folder, user) {
  if (!user || folder === dirname(folder)) return true
  const parent = dirname(folder)
  const { mode, uid, gid } = statSync(parent)
  const isOpen =
    (mode & 0o001) !== 0 ||
    (uid === user.uid && (mode & 0o100) !== 0) ||
    (gid === user.gid && (mode & 0o010) !== 0)
  return isOpen && canReach(parent, user)
}
