// Where the started servers keep their files, and the record of what was started.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../project.mjs'
import { identityOf } from './daemon.mjs'

/** Tests point this elsewhere, so that they never touch the servers in use. */
export const HOME = process.env.SERVICES_HOME ?? join(ROOT, '.services')
export const ENV_FILE = join(HOME, 'env')
export const LOGS = join(HOME, 'logs')

/** Distinguishes this checkout's servers from another's on the same machine. */
export const CHECKOUT = createHash('sha256').update(HOME).digest('hex').slice(0, 8)

const STATE_FILE = join(HOME, 'state.json')
const LOCK_FILE = join(HOME, 'lock')
const LOCK_DEADLINE_MS = 15 * 60_000

/** What the last `up` found and started, by server. */
export function readState() {
  return readJson(STATE_FILE) ?? {}
}

export function writeState(state) {
  writeAtomically(STATE_FILE, `${JSON.stringify(state, null, 2)}\n`)
}

/** The variables of `.services/env`. */
export function readEnvFile() {
  const lines = (readText(ENV_FILE) ?? '').split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

export function writeEnvFile(variables) {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  writeAtomically(ENV_FILE, `${lines.join('\n')}\n`)
}

/** Two `up` at once would start everything twice: the second waits for the first. */
export async function withLock(work) {
  mkdirSync(LOGS, { recursive: true })
  const deadline = Date.now() + LOCK_DEADLINE_MS
  while (!takeLock()) {
    if (Date.now() > deadline) {
      throw new Error(`another scripts/services holds ${LOCK_FILE}; delete it if that is not so`)
    }
    await sleep(100)
  }
  try {
    return await work()
  } finally {
    rmSync(LOCK_FILE, { force: true })
  }
}

function takeLock() {
  try {
    const mine = { pid: process.pid, identity: identityOf(process.pid) }
    writeFileSync(LOCK_FILE, JSON.stringify(mine), { flag: 'wx' })
    return true
  } catch (cause) {
    if (cause.code !== 'EEXIST') throw cause
    const holder = readJson(LOCK_FILE)
    if (holder && identityOf(holder.pid) !== holder.identity) rmSync(LOCK_FILE, { force: true })
    return false
  }
}

function writeAtomically(file, text) {
  mkdirSync(HOME, { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, text)
  renameSync(draft, file)
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // not there, or half written by a process that died: both mean "nothing known"
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // not there yet
  }
}
