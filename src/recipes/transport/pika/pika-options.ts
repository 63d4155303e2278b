import type { AmqpTarget, AmqpTls } from '../../../brokers/amqp/connecting/amqp-url.ts'
import { parseAmqpUrl } from '../../../brokers/amqp/connecting/amqp-url.ts'
import { DisconnectedError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { shuffled } from '../../../shuffled.ts'

/** Where RabbitMQ is, under the names of Zocalo's site files; what is missing is as in Python. */
export interface PikaOptions {
  /** One host, or several with commas between them: they are tried in a random order. */
  readonly host?: string | undefined
  /** One port for all hosts, or one for each. */
  readonly port?: number | string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly vhost?: string | undefined
  /** Instead of all these: `amqp://user:password@host:port/vhost`. */
  readonly url?: string | undefined
  /** True, or what Node's `tls.connect` takes. */
  readonly tls?: AmqpTls | boolean | undefined
  /** Shown in RabbitMQ's own tools. */
  readonly connectionName?: string | undefined
  readonly log?: Logger | undefined
}

/** The servers to try, in a random order. Throws `DisconnectedError` for ports that do not fit the hosts. */
export function targetsOf(options: PikaOptions): AmqpTarget[] {
  const protocol = isSecure(options) ? 'amqps' : 'amqp'
  if (options.url !== undefined)
    return [{ ...parseAmqpUrl(options.url), ...(isSecure(options) && { protocol }) }]
  const hosts = String(options.host ?? 'localhost').split(',')
  const ports = String(options.port ?? 5672).split(',')
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new DisconnectedError(
      `there are ${hosts.length} hosts and ${ports.length} ports; expected one port, or one for each host`,
    )
  }
  const targets = hosts.map((host, index) => ({
    protocol,
    hostname: host.trim(),
    port: portOf(ports[index] ?? ports[0] ?? ''),
    username: options.username ?? 'guest',
    password: options.password ?? 'guest',
    vhost: options.vhost ?? '/',
    heartbeatSeconds: undefined,
    ssl: undefined,
  })) satisfies AmqpTarget[]
  return shuffled(targets)
}

/** As a broker url; with several servers, those after the first are for when it is away. */
export function urlOf(options: PikaOptions): string {
  const urls = targetsOf(options).map(({ protocol, hostname, port, username, password, vhost }) => {
    const host = hostname.includes(':') ? `[${hostname}]` : hostname
    const user = [username, password].map(encodeURIComponent).join(':')
    return `${protocol}://${user}@${host}:${port}/${encodeURIComponent(vhost)}`
  })
  return urls.join(';')
}

function isSecure({ tls }: PikaOptions): boolean {
  return tls !== undefined && tls !== false
}

function portOf(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new DisconnectedError(`the port of RabbitMQ is "${text}"; expected a number up to 65535`)
}
