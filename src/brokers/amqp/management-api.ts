import { BrokerError } from '../../errors.ts'
import { safeUrl } from '../../safe-url.ts'
import { parseAmqpUrl } from './connecting/amqp-url.ts'

/** What RabbitMQ's management API says of a virtual host at one moment, https://www.rabbitmq.com/docs/management */
export interface ApiLook {
  /** The connection of the only consumer of a queue; null where there is none, or more than one. */
  connectionOf(queue: string): string | null
  /** Whether a connection, as named by `connectionOf` in this look or an earlier one, is open. */
  isOpen(connection: string): boolean
  /** Messages of a queue that are in the hands of consumers; null where nothing is known of it. */
  unacknowledged(queue: string): number | null
}

interface ManagementApiOptions {
  /** Of the API: http://user:password@host:15672. Without a user the one of the broker's url is taken. */
  readonly url: string
  readonly brokerUrl: string
  /** Default 5000. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 5_000

/** Reads what AMQP itself does not show: which connection a consumer belongs to, and how many messages are unacknowledged. */
export class ManagementApi {
  readonly #options: ManagementApiOptions

  constructor(options: ManagementApiOptions) {
    this.#options = options
  }

  /** Rejects with a `BrokerError` where the API does not answer as expected. */
  async look(): Promise<ApiLook> {
    const vhost = encodeURIComponent(parseAmqpUrl(this.#options.brokerUrl).vhost)
    const [connections, consumers, queues] = await Promise.all([
      this.#list<Connection>(`vhosts/${vhost}/connections?columns=name,connected_at`),
      this.#list<Consumer>(`consumers/${vhost}`),
      this.#list<Queue>(`queues/${vhost}?columns=name,messages_unacknowledged`),
    ])
    return lookOf({ connections, consumers, queues })
  }

  async #list<Row>(path: string): Promise<readonly Row[]> {
    const { timeoutMs = TIMEOUT_MS } = this.#options
    const url = `${this.#base()}/api/${path}`
    try {
      const headers = { authorization: this.#authorization() }
      const answer = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) })
      const rows: unknown = answer.ok ? await answer.json() : undefined
      if (Array.isArray(rows)) return rows as Row[]
      throw new Error(`it answered ${answer.status} ${answer.statusText}, expected a list`)
    } catch (cause) {
      throw unreadableAnswer(url, cause)
    }
  }

  /** With or without a path before /api, and without what `fetch` does not take. */
  #base(): string {
    const url = readApiUrl(this.#options.url)
    return `${url.origin}${url.pathname.replace(/(?:\/api)?\/*$/, '')}`
  }

  #authorization(): string {
    const { username, password } = readApiUrl(this.#options.url)
    const broker = parseAmqpUrl(this.#options.brokerUrl)
    const login =
      username === ''
        ? `${broker.username}:${broker.password}`
        : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(login).toString('base64')}`
  }
}

/** The error that Node has for it would show the password. */
function readApiUrl(text: string): URL {
  if (/^https?:/i.test(text) && URL.canParse(text)) return new URL(text)
  const given = safeUrl(text)
  const problem = `RABBITMQ_API_URL is ${given}, expected such as http://user:password@host:15672`
  throw new BrokerError('BROKER_UNREACHABLE', problem)
}

function unreadableAnswer(url: string, cause: unknown): BrokerError {
  const text = `cannot read ${safeUrl(url)} of RABBITMQ_API_URL: ${String(cause)}`
  return new BrokerError('BROKER_UNREACHABLE', text, { cause })
}

interface Connection {
  readonly name?: string
  readonly connected_at?: number
}

interface Consumer {
  readonly queue?: { readonly name?: string }
  readonly channel_details?: { readonly connection_name?: string }
}

interface Queue {
  readonly name?: string
  readonly messages_unacknowledged?: number
}

interface Lists {
  readonly connections: readonly Connection[]
  readonly consumers: readonly Consumer[]
  readonly queues: readonly Queue[]
}

/** A connection is known by its ports, which come again, and by when it was made. */
function lookOf({ connections, consumers, queues }: Lists): ApiLook {
  const names = new Map(
    connections.map(({ name = '', connected_at: at = 0 }) => [name, `${name} at ${at}`]),
  )
  const open = new Set(names.values())
  const owners = new Map<string, string | null>()
  for (const { queue, channel_details: channel } of consumers) {
    const name = queue?.name ?? ''
    const owner = names.get(channel?.connection_name ?? '') ?? null
    owners.set(name, owners.has(name) ? null : owner)
  }
  const unacknowledged = new Map(
    queues.map(({ name = '', messages_unacknowledged: held = null }) => [name, held]),
  )
  return {
    connectionOf: (queue) => owners.get(queue) ?? null,
    isOpen: (connection) => open.has(connection),
    unacknowledged: (queue) => unacknowledged.get(queue) ?? null,
  }
}
