import type { Channel } from 'amqplib'
import { BrokerError } from '../../errors.ts'
import type {
  Binding,
  Exchange,
  ExchangeBinding,
  Queue,
  Topology,
} from '../../protocol/routing/topology.ts'
import type { KnownTopology } from '../known-topology.ts'
import { declareRefusal } from './connecting/server-errors.ts'

/** One thing to declare. */
interface Declaration {
  readonly what: string
  declare(channel: Channel): Promise<unknown>
  remember(known: KnownTopology): void
}

/** Exchanges, then queues, then bindings, in declarations that RabbitMQ 3.10 to 4.3 take alike. */
export function declarationsOf(topology: Topology): readonly Declaration[] {
  return [
    // The default exchange is there, and every queue is bound to it.
    ...topology.exchanges.filter(({ name }) => name !== '').map(exchangeDeclaration),
    ...topology.queues.map(queueDeclaration),
    ...topology.bindings.filter(({ exchange }) => exchange !== '').map(bindingDeclaration),
    ...(topology.exchangeBindings ?? []).map(exchangeBindingDeclaration),
  ]
}

export function declarationRefused(what: string, cause: unknown, safeUrl: string): BrokerError {
  return new BrokerError(
    'DECLARE_REFUSED',
    `the ${what} cannot be declared on ${safeUrl}: ${declareRefusal(cause)}`,
    { cause },
  )
}

function exchangeDeclaration(exchange: Exchange): Declaration {
  const { name, type, durable, autoDelete, arguments: args } = exchange
  return {
    what: `exchange "${name}"`,
    declare: (channel) =>
      channel.assertExchange(name, type, { durable, autoDelete, arguments: args }),
    remember: (known) => known.addExchange(exchange),
  }
}

function queueDeclaration(queue: Queue): Declaration {
  const { name, durable, exclusive, autoDelete, arguments: args } = queue
  return {
    what: `queue "${name}"`,
    declare: (channel) =>
      channel.assertQueue(name, { durable, exclusive, autoDelete, arguments: args }),
    remember: (known) => known.addQueue(queue),
  }
}

function bindingDeclaration(binding: Binding): Declaration {
  const { exchange, queue, routingKey } = binding
  return {
    what: `binding of queue "${queue}" to exchange "${exchange}" with key "${routingKey}"`,
    declare: (channel) => channel.bindQueue(queue, exchange, routingKey),
    remember: (known) => known.addBinding(binding),
  }
}

function exchangeBindingDeclaration(binding: ExchangeBinding): Declaration {
  const { source, destination, routingKey } = binding
  return {
    what: `binding of exchange "${destination}" to exchange "${source}" with key "${routingKey}"`,
    declare: (channel) => channel.bindExchange(destination, source, routingKey),
    remember: (known) => known.addExchangeBinding(binding),
  }
}
