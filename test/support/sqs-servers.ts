import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { fetchJars } from './maven-libs.ts'
import { PROJECT } from './services.ts'
import { waitFor } from './wait-for.ts'

const VERSION = '1.7.1'
const JARS = process.env.ELASTICMQ_LIB ?? join(PROJECT, '.services/elasticmq', VERSION)
const MOTO = process.env.MOTO_SERVER ?? join(PROJECT, '.services/python-sqs/bin/moto_server')

export interface RunningSqs {
  /** `127.0.0.1:port`. */
  readonly host: string
  stop(): Promise<void>
}

/** ElasticMQ with Amazon's limits: 6 s to start, 160 MB. */
export async function startElasticMq(): Promise<RunningSqs> {
  fetchJars(JARS, {
    groupId: 'org.elasticmq',
    artifactId: 'elasticmq-server_2.13',
    version: VERSION,
  })
  const folder = mkdtempSync(join(tmpdir(), 'elasticmq-'))
  const port = await freePort()
  const settings = join(folder, 'elasticmq.conf')
  writeFileSync(settings, settingsOf(port))
  const server = spawn(
    'java',
    ['-Xmx256m', `-Dconfig.file=${settings}`, '-cp', `${JARS}/*`, 'org.elasticmq.server.Main'],
    { stdio: 'ignore' },
  )
  const running = await listening('ElasticMQ', server, port)
  return {
    ...running,
    stop: async () => {
      await running.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** moto's server, from PyPI in an environment of its own; `scripts/services sqs` makes it. */
export async function startMoto(): Promise<RunningSqs> {
  if (!existsSync(MOTO)) throw new Error(`${MOTO} is not there: run "scripts/services sqs" first`)
  const port = await freePort()
  const server = spawn(MOTO, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  return await listening('moto', server, port)
}

async function listening(name: string, server: ChildProcess, port: number): Promise<RunningSqs> {
  try {
    await waitFor(name, () => server.exitCode !== null || answers(port), { deadlineMs: 110_000 })
    if (server.exitCode !== null) throw new Error(`${name} ended with ${server.exitCode}`)
  } catch (error) {
    server.kill('SIGKILL')
    throw error
  }
  return {
    host: `127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(server, 'exit')
      server.kill('SIGKILL') // nothing of it is kept
      await ended
    },
  }
}

function settingsOf(port: number): string {
  return `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = ${port}, sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
`
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // it is starting
  } finally {
    socket.destroy()
  }
}
