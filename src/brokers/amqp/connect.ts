import { hostname } from 'node:os'
import type { ChannelModel } from 'amqplib'
import type { AmqpTarget, AmqpTls } from './amqp-url.ts'
import { loadDriver } from './driver.ts'

const HEARTBEAT_SECONDS = 60

export interface ConnectOptions {
  readonly connectionName?: string | undefined
  readonly heartbeatSeconds?: number | undefined
  readonly tls?: AmqpTls | undefined
  /** How long one try may take. */
  readonly timeoutMs: number
}

/** One connection to the server, set up as it should be. */
export async function connect(target: AmqpTarget, options: ConnectOptions): Promise<ChannelModel> {
  const { protocol, hostname: host, port, username, password, vhost } = target
  return await loadDriver().connect(
    {
      protocol,
      hostname: host,
      port,
      username,
      password,
      // The driver takes it for part of a url.
      vhost: encodeURIComponent(vhost),
      heartbeat: options.heartbeatSeconds ?? target.heartbeatSeconds ?? HEARTBEAT_SECONDS,
    },
    {
      ...(options.tls as object), // its certificates are readonly, the driver's are not
      // With Nagle's algorithm a confirm that is waited for takes 40 ms.
      noDelay: true,
      keepAlive: true,
      timeout: options.timeoutMs,
      clientProperties: {
        product: 'celery-toolbox',
        connection_name: options.connectionName ?? `celery-toolbox ${process.pid}@${hostname()}`,
      },
    },
  )
}
