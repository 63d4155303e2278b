import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from './free-port.ts'
import { startProcess } from './processes.ts'
import { waitFor } from './wait-for.ts'

const JAR = '/usr/share/java/zookeeper.jar'

/** Debian's `zookeeper`, which scripts/services installs where it can; only the tests of its board start one. */
export const hasZookeeper = existsSync(JAR)

/** A ZooKeeper of a test's own; answers its "host:port". */
export async function startZookeeper(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zookeeper-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const settings = {
    dataDir: join(folder, 'data'),
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    tickTime: 200, // sessions last from two to twenty ticks
    'admin.enableServer': false,
    '4lw.commands.whitelist': 'envi,srvr', // TaskFlow asks for its version
  }
  const file = join(folder, 'zoo.cfg')
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(file, lines.join(''))
  const path = ['/etc/zookeeper/conf', JAR, '/usr/share/java/*'].join(':')
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  startProcess('java', ['-Xmx128m', '-cp', path, main, file], { cwd: folder })
  await waitFor('ZooKeeper', async () => await isServing(port))
  return `127.0.0.1:${port}`
}

/** By one of its words of four letters. */
async function isServing(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('srvr'))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.includes('Mode'))
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
