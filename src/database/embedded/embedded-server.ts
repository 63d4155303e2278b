import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Logger } from '../../logger.ts'
import { missing } from './embedded-binaries.ts'
import type { SystemUser } from './system-user.ts'

interface ServerPlan {
  readonly postgres: string
  readonly args: readonly string[]
  readonly user: SystemUser | undefined
  readonly folder: string
  /** Removed once the server has stopped, also where its starter is gone by then. */
  readonly removed: readonly string[]
}

/**
 * Starts the server under a keeper, a small process of ours. The keeper stops the server when the pipe between us
 * ends: when we close it, and also when this process ends in any way, kill -9 included. So there is no orphan,
 * and no signal for us to catch. Both live in a session of their own, as Ctrl-C is meant for us alone.
 */
export async function startServer(plan: ServerPlan, logger: Logger): Promise<() => Promise<void>> {
  const keeper = spawn(process.execPath, ['-e', KEEPER, JSON.stringify(plan)], {
    cwd: plan.folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const gone = once(keeper, 'exit')
  // A write to a keeper that has ended fails: `gone` reports its end already.
  keeper.stdin?.on('error', () => undefined)
  await ready(keeper, gone, logger)
  letGo(keeper)
  return async () => {
    // What was let go of must hold this process now, until the server has stopped.
    keeper.ref()
    keeper.stdin?.end()
    await gone
  }
}

const READY = 'database system is ready to accept connections'

async function ready(keeper: ChildProcess, gone: Promise<unknown>, logger: Logger): Promise<void> {
  let log = ''
  const spoke = new Promise<void>((resolve) => {
    keeper.stderr?.setEncoding('utf8').on('data', (text: string) => {
      logger.debug({ text: text.trimEnd() }, 'output of embedded PostgreSQL')
      // Of interest until the server is ready, and never much.
      log = (log + text).slice(-8192)
      if (log.includes(READY)) resolve()
    })
  })
  const failed = gone.then(() => {
    throw missing(`the server ended at once: ${log.trim()}`)
  })
  await Promise.race([spoke, failed])
  failed.catch(() => undefined)
}

/** An open database does not keep a process alive that has nothing else to do. */
function letGo(keeper: ChildProcess): void {
  keeper.unref()
  for (const stream of [keeper.stdin, keeper.stderr]) {
    // A child's pipes are sockets, which TypeScript does not know.
    if (stream !== null && 'unref' in stream) (stream as unknown as { unref(): void }).unref()
  }
}

/** Run by `node -e`: as text, so that it needs no file in any build. */
const KEEPER = `
  const { spawn } = require('node:child_process')
  const { rmSync } = require('node:fs')
  const { postgres, args, user, folder, removed } = JSON.parse(process.argv[1])
  const server = spawn(postgres, args, { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  const end = (code) => {
    process.chdir('/')
    for (const path of removed) rmSync(path, { recursive: true, force: true })
    process.exit(code)
  }
  server.on('error', (error) => {
    process.stderr.write(String(error))
    end(1)
  })
  server.on('exit', (code) => end(code ?? 1))
  process.stderr.on('error', () => {})
  // SIGINT is PostgreSQL's fast shutdown; SIGQUIT does not wait for anything.
  process.stdin.on('error', () => {})
  process.stdin.on('close', () => {
    server.kill('SIGINT')
    setTimeout(() => server.kill('SIGQUIT'), 10_000).unref()
  })
  process.stdin.resume()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
`
