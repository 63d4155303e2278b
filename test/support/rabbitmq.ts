import { inject, onTestFinished } from 'vitest'
import { rabbitmqctl } from './rabbitmqctl.ts'
import { service } from './services.ts'

/** Commands of rabbitmqctl that speak of one virtual host. */
const OF_A_VHOST = new Set([
  'clear_policy',
  'close_all_connections',
  'delete_queue',
  'list_bindings',
  'list_consumers',
  'list_exchanges',
  'list_permissions',
  'list_policies',
  'list_queues',
  'purge_queue',
  'set_policy',
])

/** A virtual host of one test's own. */
export interface Vhost {
  readonly name: string
  /** Opens this virtual host, with a user who may do everything in it. */
  readonly url: string
  /** For brokers and apps on it. */
  readonly transportOptions?: Readonly<Record<string, unknown>>
  /** Runs rabbitmqctl, in this virtual host where the command speaks of one, and answers its output. */
  rabbitmqctl(...args: string[]): Promise<string>
  /** Makes the broker close all connections to this virtual host, as an operator would. */
  closeConnections(): Promise<void>
}

/** LIVE_BROKER=sqs: what tests the journey and the monitor does so on a server that stands for Amazon SQS. */
export const isOnSqs = process.env.LIVE_BROKER === 'sqs'

/** Makes a virtual host, deleted with all it holds when the test has finished. */
export async function freshVhost(): Promise<Vhost> {
  if (isOnSqs) return await standInOnSqs()
  const vhost = await makeVhost()
  onTestFinished(() => deleteVhost(vhost))
  return vhost
}

/** Has a virtual host deleted, with all it holds, soon. */
export async function deleteVhost({ name }: Vhost): Promise<void> {
  await askPool('DELETE', `?name=${name}`)
}

/** Makes a virtual host that several tests share; for whoever made it to delete. */
export async function makeVhost(): Promise<Vhost> {
  const name = await askPool('POST')
  const url = new URL(service('AMQP_URL'))
  url.pathname = `/${name}`
  const inVhost = (...args: string[]): Promise<string> => rabbitmqctl(...scoped(args, name))
  return {
    name,
    url: url.href,
    rabbitmqctl: inVhost,
    closeConnections: async () => {
      await inVhost('close_all_connections', 'closed by a test')
    },
  }
}

/** A server of one test's own instead. */
async function standInOnSqs(): Promise<Vhost> {
  const { startFauxqs } = await import('fauxqs') // here alone, as it takes a second
  const server = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' })
  onTestFinished(() => server.stop())
  const noRabbitMq = () => Promise.reject(new Error('this test is about RabbitMQ alone'))
  return {
    name: '',
    url: `sqs://key:secret@127.0.0.1:${server.port}`,
    transportOptions: {
      region: 'us-west-2',
      queue_name_prefix: 'dev-',
      wait_time_seconds: 1,
      visibility_timeout: 20,
    },
    rabbitmqctl: noRabbitMq,
    closeConnections: noRabbitMq,
  }
}

async function askPool(method: 'POST' | 'DELETE', query = ''): Promise<string> {
  const answer = await fetch(`${inject('vhostPool')}${query}`, { method })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`no virtual host: ${text}`)
  return text
}

function scoped(args: string[], vhost: string): string[] {
  const [command = '', ...rest] = args
  return OF_A_VHOST.has(command) ? [command, '--vhost', vhost, ...rest] : args
}

/** Whether all queues but those of dead letters are empty. */
export async function hasNothingWaiting({
  rabbitmqctl,
}: Pick<Vhost, 'rabbitmqctl'>): Promise<boolean> {
  const lines = await rabbitmqctl('list_queues', '-q', '--no-table-headers', 'name', 'messages')
  return lines
    .split('\n')
    .map((line) => line.split('\t'))
    .every(([name = '', messages = '0']) => name.startsWith('dlq.') || Number(messages) === 0)
}
