import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { AmqpBroker } from '../../../src/brokers/amqp/amqp-broker.ts'
import { AMQP_FEATURES } from '../../../src/brokers/features.ts'
import type { Topology } from '../../../src/protocol/routing/topology.ts'
import { brokerContract } from '../../contracts/broker-contract.ts'
import { rabbitmqctl } from '../../support/rabbitmqctl.ts'
import { service } from '../../support/services.ts'

// One virtual host for the file, emptied after each test: making one takes longer than most of these tests.
const vhost = `test-${randomUUID()}`
const url = new URL(service('AMQP_URL'))

beforeAll(async () => {
  await rabbitmqctl('add_vhost', vhost)
  const user = decodeURIComponent(url.username) || 'guest'
  await rabbitmqctl('set_permissions', '--vhost', vhost, user, '.*', '.*', '.*')
  url.pathname = `/${vhost}`
})

afterAll(async () => {
  await rabbitmqctl('delete_vhost', vhost)
})

brokerContract({
  name: 'amqp',
  features: AMQP_FEATURES,
  makeSpace: async () => {
    const names = { queues: new Set<string>(), exchanges: new Set<string>() }
    onTestFinished(() => remove(names))
    return {
      open: () => new RememberingBroker(names),
      deleteQueue: (queue) => remove({ queues: new Set([queue]), exchanges: new Set() }),
      loseConnection: async () => {
        await rabbitmqctl('close_all_connections', '--vhost', vhost, 'closed by a test')
      },
    }
  },
})

interface Names {
  readonly queues: Set<string>
  readonly exchanges: Set<string>
}

/** Notes what a test declares, so that it can be removed. */
class RememberingBroker extends AmqpBroker {
  readonly #names: Names

  constructor(names: Names) {
    super({ url: url.href })
    this.#names = names
  }

  override async declare(topology: Topology): Promise<void> {
    for (const { name } of topology.queues) this.#names.queues.add(name)
    for (const { name } of topology.exchanges) this.#names.exchanges.add(name)
    await super.declare(topology)
  }
}

async function remove({ queues, exchanges }: Names): Promise<void> {
  const connection = await connect(url.href, { noDelay: true })
  const channel = await connection.createChannel()
  for (const queue of queues) await channel.deleteQueue(queue)
  for (const exchange of exchanges) await channel.deleteExchange(exchange)
  await connection.close()
}
