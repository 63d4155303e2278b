// Redis: in memory only; nothing in it outlives the server.
import { join } from 'node:path'
import { startDaemon, waitUntilReady } from './daemon.mjs'
import { findProgram, folderFor, userFor } from './machine.mjs'
import { probeRedis } from './probe.mjs'
import { LOGS } from './state.mjs'

export const redis = {
  name: 'redis',
  variable: 'REDIS_URL',
  defaultPort: 6379,
  packages: ['redis-server'],
  urlAt: (port) => `redis://127.0.0.1:${port}/0`,
  probe: probeRedis,
  isInstalled: () => findProgram('redis-server') !== undefined,
  start: startRedis,
}

async function startRedis(port) {
  const user = userFor('redis')
  const folder = folderFor('redis', user)
  const log = join(LOGS, 'redis.log')
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '']
  const daemon = await startDaemon({
    command: findProgram('redis-server'),
    args: [...settings, '--appendonly', 'no', '--daemonize', 'no'],
    cwd: folder,
    env: { PATH: process.env.PATH },
    user,
    log,
  })
  const url = redis.urlAt(port)
  await waitUntilReady({ name: 'redis', daemon, log, isReady: () => probeRedis(url) })
  return { url, daemons: [daemon] }
}
