import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { ConfigOptions } from '../../src/index.ts'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { PROJECT, service } from '../support/services.ts'
import type { RunningSqs } from '../support/sqs-servers.ts'
import type { Carrier, Python } from './features.ts'

/** What carries the messages of one site of the matrix. */
export interface MatrixCarrier {
  /** The work queues: Node's, and Python's. */
  readonly queues: readonly [string, string]
  /** For an app of ours. */
  readonly settings: Partial<ConfigOptions>
  /** For Python's toolbox_app and matrix_app. */
  readonly env: Readonly<Record<string, string>>
  /** Whether a worker can be told to leave a queue. */
  readonly hasControl: boolean
  pythonOf(python: Python): string
  expectExpiringQueue(queue: string): Promise<void>
  close(): Promise<void>
}

export async function onRabbitMq(): Promise<MatrixCarrier> {
  const vhost = `test-${randomUUID()}`
  const url = new URL(service('AMQP_URL'))
  const user = decodeURIComponent(url.username) || 'guest'
  await rabbitmqctl('add_vhost', vhost)
  await rabbitmqctl('set_permissions', '-p', vhost, user, '.*', '.*', '.*')
  url.pathname = `/${vhost}`
  return {
    queues: ['export', 'python'],
    settings: { broker_url: url.href },
    env: { AMQP_URL: url.href },
    hasControl: true,
    pythonOf: (python) => service(python === 'new' ? 'PYTHON_CELERY' : 'PYTHON_CELERY_OLD'),
    expectExpiringQueue: async (queue) => {
      const listed = await rabbitmqctl('list_queues', '--vhost', vhost, 'name', 'arguments')
      const line = listed.split('\n').find((one) => one.startsWith(queue))
      expect(line).toMatch(/x-expires.*600000/)
    },
    close: async () => void (await rabbitmqctl('delete_vhost', vhost)),
  }
}

/** The same for both languages: queues that are not shared with another test, and short polls. */
export async function onSqs(
  carrier: Carrier,
  start: () => Promise<RunningSqs>,
): Promise<MatrixCarrier> {
  const server = await start()
  const prefix = `t${randomUUID().slice(0, 8)}`
  const url = `sqs://key:secret@${server.host}`
  const suffix = carrier === 'FIFO queues' ? '.fifo' : ''
  const options = { wait_time_seconds: 1, visibility_timeout: 120 }
  const pythons = {
    ...options,
    region: 'us-west-2',
    queue_name_prefix: `${prefix}-`,
    is_secure: false,
    polling_interval: 0.1,
  }
  return {
    queues: [`export${suffix}`, `python${suffix}`],
    settings: {
      broker_url: url,
      broker_transport_options: options,
      QUEUE_PREFIX: prefix,
      ...(suffix !== '' && { task_routes: { 'export.*': to('export'), 'python.*': to('python') } }),
    },
    env: {
      AMQP_URL: url,
      TRANSPORT_OPTIONS: JSON.stringify(pythons),
      MATRIX_SUFFIX: suffix,
      AWS_DEFAULT_REGION: 'us-west-2',
    },
    hasControl: false,
    pythonOf: (python) => (python === 'new' ? service('PYTHON_CELERY') : oldPython()),
    expectExpiringQueue: () => Promise.reject(new Error('no queue of SQS expires')),
    close: () => server.stop(),
  }

  function to(name: string) {
    return { exchange: 'task_exchange', routing_key: `${name}${suffix}` }
  }
}

/** `scripts/services sqs` makes it: Debian's has no transport of SQS. */
export function oldPython(): string {
  return process.env.PYTHON_SQS_OLD ?? join(PROJECT, '.services/python-sqs-old/bin/python')
}
