import { hostname } from 'node:os'
import type { ChannelModel } from 'amqplib'
import { driverTimeoutMs } from '../../../async/timer.ts'
import { BrokerError } from '../../../errors.ts'
import { type AmqpTarget, type AmqpTls, parseAmqpUrl } from './amqp-url.ts'
import { type DriverConnection, setSilence } from './answer-deadline.ts'
import { type Driver, loadDriver } from './driver.ts'
import { nodeTls, type PythonTls } from './python-tls.ts'
import { checkTransportOptions, heartbeatInWholeSeconds } from './transport-options.ts'

const HEARTBEAT_SECONDS = 60

const LOGIN_METHODS = ['PLAIN', 'AMQPLAIN', 'EXTERNAL'] as const
type LoginMethod = (typeof LOGIN_METHODS)[number]

export interface ConnectOptions {
  readonly connectionName?: string | undefined
  readonly heartbeatSeconds?: number | undefined
  readonly tls?: AmqpTls | undefined
  /** As Celery's broker_use_ssl: where it is there, and not false, nothing is sent without TLS. */
  readonly ssl?: PythonTls | undefined
  /** The SASL mechanism, as Celery's broker_login_method: PLAIN, AMQPLAIN or EXTERNAL. Default PLAIN. */
  readonly loginMethod?: string | undefined
  /** As Celery's broker_transport_options, under py-amqp's names. */
  readonly transportOptions?: Readonly<Record<string, unknown>> | undefined
  /** How long one try may take. */
  readonly timeoutMs: number
  /** A connection that is silent for so long while an answer is due is closed. Default 10 s. */
  readonly silentMs?: number | undefined
  /** Aborted, it ends a try that is under way. The connection that came of a try has nothing to do with it. */
  readonly signal?: AbortSignal | undefined
}

/** What can be judged before there is a connection. */
type ConnectSettings = Pick<ConnectOptions, 'ssl' | 'loginMethod' | 'transportOptions'>

/** Where the url and the options lead to; throws for what cannot be read. */
export function targetOf(url: string, { ssl = false }: Pick<ConnectOptions, 'ssl'>): AmqpTarget {
  return parseAmqpUrl(url, { isTls: ssl !== false })
}

/**
 * Throws for a url, TLS or transport options or a login method that cannot work: no later try would be better. Files of certificates are
 * read again for each connection, as they are renewed.
 */
export function checkSettings(url: string, options: ConnectSettings): void {
  tlsOf(targetOf(url, options), options)
  checkTransportOptions(options.transportOptions)
  loginMethodOf(options)
}

/** One connection to the server, set up as it should be. */
export async function connect(target: AmqpTarget, options: ConnectOptions): Promise<ChannelModel> {
  const { signal } = options
  signal?.throwIfAborted()
  const socket = new AbortController()
  return await new Promise((resolve, reject) => {
    const onAbort = (): void => {
      socket.abort()
      // The driver hears of a socket that ends before the server has answered only when its time is over.
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    open(target, options, socket.signal)
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', onAbort))
  })
}

async function open(
  target: AmqpTarget,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<ChannelModel> {
  const { protocol, hostname: host, port, username, password, vhost } = target
  const { transportOptions: given = {} } = options
  const driver = loadDriver()
  const model = await driver.connect(
    {
      protocol,
      hostname: host,
      port,
      username,
      password,
      // The driver takes it for part of a url.
      vhost: encodeURIComponent(vhost),
      heartbeat: heartbeatOf(target, options),
      ...(typeof given.frame_max === 'number' && { frameMax: given.frame_max }),
      ...(typeof given.channel_max === 'number' && { channelMax: given.channel_max }),
    },
    {
      ...(options.tls as object), // its certificates are readonly, the driver's are not
      ...(tlsOf(target, options) as object),
      ...credentialsOf(driver, target, options),
      ...({ signal } as object), // the driver hands it to the socket, and its types do not have it
      // With Nagle's algorithm a confirm that is waited for takes 40 ms.
      noDelay: true,
      keepAlive: true,
      timeout: timeoutOf(options),
      clientProperties: {
        product: 'celery-toolbox',
        connection_name: options.connectionName ?? `celery-toolbox ${process.pid}@${hostname()}`,
        ...(given.client_properties as object | undefined),
      },
    },
  )
  if (options.silentMs !== undefined) {
    // Not in the driver's types.
    setSilence(model.connection as unknown as DriverConnection, options.silentMs)
  }
  return model
}

/** As in Celery, the url wins, and with 0 there is none. */
function heartbeatOf({ heartbeatSeconds }: AmqpTarget, options: ConnectOptions): number {
  const { heartbeat } = options.transportOptions ?? {}
  const given = heartbeatSeconds ?? (typeof heartbeat === 'number' ? heartbeat : undefined)
  return heartbeatInWholeSeconds(given ?? options.heartbeatSeconds ?? HEARTBEAT_SECONDS)
}

function timeoutOf({ timeoutMs, transportOptions }: ConnectOptions): number {
  const { connect_timeout: seconds } = transportOptions ?? {}
  const ownMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : timeoutMs
  return driverTimeoutMs(Math.min(ownMs, timeoutMs))
}

/** Without options of Python's, amqps:// is checked as Node does it: certificate and host name. */
function tlsOf({ ssl, hostname: host }: AmqpTarget, options: ConnectSettings): AmqpTls {
  const { ssl: given = false } = options
  if (ssl === undefined && given === false) return {}
  return nodeTls({ ...(typeof given === 'object' ? given : {}), ...ssl }, host)
}

function credentialsOf(
  { credentials }: Driver,
  { username, password }: AmqpTarget,
  options: ConnectOptions,
): { readonly credentials?: ReturnType<Driver['credentials']['plain']> } {
  switch (loginMethodOf(options)) {
    case 'PLAIN':
      return {}
    case 'AMQPLAIN':
      return { credentials: credentials.amqplain(username, password) }
    case 'EXTERNAL':
      return { credentials: credentials.external() as ReturnType<typeof credentials.plain> } // has no login
  }
}

function loginMethodOf({ loginMethod, transportOptions }: ConnectSettings): LoginMethod {
  // As in kombu, empty text is none.
  const given = loginMethod || (transportOptions?.login_method ?? 'PLAIN')
  const method = LOGIN_METHODS.find((name) => name === String(given).toUpperCase())
  if (method !== undefined) return method
  throw new BrokerError(
    'BROKER_UNREACHABLE',
    `the login method "${String(given)}" is unknown, expected PLAIN, AMQPLAIN or EXTERNAL`,
  )
}
