import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { fetchJars } from './maven-libs.ts'
import { PROJECT } from './services.ts'
import { waitFor } from './wait-for.ts'

const VERSION = '4.4.0'
const LIB = process.env.KAFKA_LIB ?? join(PROJECT, '.services/kafka', VERSION)

export interface RunningKafka {
  /** `host:port`. */
  readonly broker: string
  stop(): Promise<void>
}

/** One node of Kafka (KRaft) with a heap of 300 MB, from Maven Central; for the tests that need it, and gone with them. */
export async function startKafka(): Promise<RunningKafka> {
  fetchJars(LIB, { groupId: 'org.apache.kafka', artifactId: 'kafka_2.13', version: VERSION })
  const folder = mkdtempSync(join(tmpdir(), 'kafka-'))
  const [port, controller] = [await freePort(), await freePort()]
  const settings = join(folder, 'kafka.properties')
  writeFileSync(settings, settingsOf({ port, controller, folder }))
  const id = randomBytes(16).toString('base64url')
  const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', settings]
  execFileSync('java', ['-Xmx100m', '-cp', `${LIB}/*`, ...format], { stdio: 'pipe' })
  const server = spawn('java', ['-Xmx300m', '-cp', `${LIB}/*`, 'kafka.Kafka', settings], {
    stdio: 'ignore',
  })
  await waitFor('Kafka', () => answers(port), { deadlineMs: 60_000 })
  return {
    broker: `127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(server, 'exit')
      server.kill('SIGKILL') // nothing of it is kept
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function settingsOf(parts: { port: number; controller: number; folder: string }): string {
  const { port, controller, folder } = parts
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
log.dirs=${join(folder, 'logs')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=true
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
