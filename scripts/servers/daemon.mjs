// Server processes that outlive the script which starts them.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const START_DEADLINE_MS = 90_000
const STOP_DEADLINE_MS = 30_000

/** Starts a server in its own session, as `user`, with its output in `log`; answers with what `stopDaemon` needs. */
export async function startDaemon({ command, args, env, user, log, cwd, stopSignal = 'SIGTERM' }) {
  const output = openSync(log, 'a')
  const child = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', output, output],
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  })
  closeSync(output)
  await new Promise((started, failed) => {
    child.once('spawn', started)
    child.once('error', failed)
  })
  child.unref()
  return { pid: child.pid, identity: identityOf(child.pid), stopSignal }
}

/** Waits until `isReady` no longer throws; else ends the server and throws with the end of its log. */
export async function waitUntilReady(server) {
  try {
    await waitForAnswer(server)
  } catch (cause) {
    await stopDaemon(server.daemon)
    throw cause
  }
}

async function waitForAnswer({ name, daemon, log, isReady, deadlineMs = START_DEADLINE_MS }) {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const cause = await failureOf(isReady)
    if (!cause) return
    if (!isRunning(daemon)) throw new Error(`${name} ended while starting\n${tail(log)}`, { cause })
    if (Date.now() > deadline) {
      throw new Error(`${name} was not ready in ${deadlineMs / 1000} s\n${tail(log)}`, { cause })
    }
    await sleep(100)
  }
}

/** True while the very process that was started is alive: a number used again after a restart does not count. */
export function isRunning(daemon) {
  return daemon.identity !== undefined && identityOf(daemon.pid) === daemon.identity
}

/** Asks the server to end, waits, and in the end insists. */
export async function stopDaemon(daemon) {
  if (!isRunning(daemon)) return
  process.kill(daemon.pid, daemon.stopSignal)
  const deadline = Date.now() + STOP_DEADLINE_MS
  while (isRunning(daemon) && Date.now() < deadline) await sleep(50)
  if (isRunning(daemon)) process.kill(-daemon.pid, 'SIGKILL')
}

/** Names a process for all time: its number, and when it started. Undefined where there is no such process. */
export function identityOf(pid) {
  return process.platform === 'linux' ? identityOnLinux(pid) : identityByPs(pid)
}

function identityOnLinux(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined // ended; its parent has not asked for its exit code yet
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}/${pid}/${fields[19]}`
  } catch {
    return undefined // no such process
  }
}

function identityByPs(pid) {
  const started = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  const text = started.stdout?.trim()
  return text ? `${pid}/${text}` : undefined
}

async function failureOf(isReady) {
  try {
    await isReady()
    return undefined
  } catch (cause) {
    return cause
  }
}

function tail(log) {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15)
  return [`the end of ${log}:`, ...lines.map((line) => `  ${line}`)].join('\n')
}
