import { SiteConfigError } from '../errors.ts'
import { isRecord } from '../protocol/field-readers.ts'
import type { SiteConfig } from '../recipes/index.ts'
import { textOfError } from '../text-of-error.ts'

export interface ListedQueue {
  readonly name: string
  readonly vhost: string
  readonly messages: number
  /** In the hands of consumers. */
  readonly unacknowledged: number
  /** Messages a second that are delivered once more, and that are acknowledged. */
  readonly redeliveredPerSecond: number
  readonly acknowledgedPerSecond: number
  /** After so many redeliveries RabbitMQ itself makes dead letters; null where it does not. */
  readonly deliveryLimit: number | null
  /** Where its dead letters go: exchange (empty is the default one) and routing key; null where they are dropped. */
  readonly deadLetters: { readonly exchange: string; readonly routingKey: string } | null
  /** Of one connection, or of no lasting kind. */
  readonly isTemporary: boolean
  readonly hasSingleConsumer: boolean
}

const ANSWER_MS = 15_000

/** The queues that RabbitMQ's management API lists, by the site's block `rabbitmqapi`. None for a vhost that is not there. */
export async function rabbitmqQueues(config: SiteConfig, vhost?: string): Promise<ListedQueue[]> {
  const place = vhost === undefined ? 'queues' : `queues/${encodeURIComponent(vhost)}`
  return listed(await rabbitmqAnswer(config, place))
}

/** What the management API says, at the first of the site's addresses that answers; null for what is not there. */
export async function rabbitmqAnswer(config: SiteConfig, place: string): Promise<unknown> {
  const answer = await asked(config, place, {})
  return answer === null ? null : await answer.json()
}

/** Has the management API change something. */
export async function rabbitmqPut(config: SiteConfig, place: string, value: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const request = { method: 'PUT', body: JSON.stringify(value), headers }
  if ((await asked(config, place, request)) === null) throw problem(`there is no ${place}`)
}

async function asked(
  config: SiteConfig,
  place: string,
  request: { readonly method?: string; readonly body?: string; readonly headers?: object },
): Promise<Response | null> {
  const block = config.block('rabbitmqapi')
  if (block === null) throw problem('the site configuration has no active block "rabbitmqapi"')
  const login = Buffer.from(`${block.username}:${block.password}`).toString('base64')
  let failure: unknown
  for (const base of String(block.base_url).split(',')) {
    try {
      const answer = await fetch(addressOf(base.trim(), place), {
        ...request,
        headers: { ...request.headers, authorization: `Basic ${login}` },
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      if (answer.status === 404) return null
      if (!answer.ok) throw new Error(`it answered ${answer.status}`)
      return answer
    } catch (cause) {
      failure = cause
    }
  }
  const reason = textOfError(failure)
  throw problem(`the management API of RabbitMQ cannot be asked: ${reason}`, failure)
}

/** What `fetch` says of a url that it does not take would show a password in it. */
function addressOf(base: string, place: string): string {
  if (!/^https?:/i.test(base) || !URL.canParse(base))
    throw new Error('base_url is no url, expected one such as http://HOST:15672/api')
  const { username, password } = new URL(base)
  if (username !== '' || password !== '')
    throw new Error('base_url holds a login, which belongs in username and password')
  return `${base.replace(/\/$/, '')}/${place}`
}

function listed(answer: unknown): ListedQueue[] {
  if (!Array.isArray(answer)) return []
  return answer.filter(isRecord).map((queue) => {
    const stats = recordIn(queue.message_stats)
    const policy = recordIn(queue.effective_policy_definition)
    const given = recordIn(queue.arguments)
    const limit = policy['delivery-limit'] ?? given['x-delivery-limit']
    return {
      name: String(queue.name),
      vhost: String(queue.vhost),
      messages: Number(queue.messages ?? 0),
      unacknowledged: Number(queue.messages_unacknowledged ?? 0),
      redeliveredPerSecond: rateOf(stats.redeliver_details),
      acknowledgedPerSecond: rateOf(stats.ack_details),
      deliveryLimit: typeof limit === 'number' ? limit : null,
      deadLetters: deadLettersOf(String(queue.name), given, policy),
      isTemporary: queue.exclusive === true || queue.auto_delete === true || queue.durable !== true,
      hasSingleConsumer: given['x-single-active-consumer'] === true,
    }
  })
}

function deadLettersOf(
  queue: string,
  given: Readonly<Record<string, unknown>>,
  policy: Readonly<Record<string, unknown>>,
): ListedQueue['deadLetters'] {
  const exchange = given['x-dead-letter-exchange'] ?? policy['dead-letter-exchange']
  if (typeof exchange !== 'string') return null
  const routingKey = given['x-dead-letter-routing-key'] ?? policy['dead-letter-routing-key']
  return { exchange, routingKey: String(routingKey ?? queue) }
}

function recordIn(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function rateOf(details: unknown): number {
  return isRecord(details) ? Number(details.rate ?? 0) : 0
}

function problem(message: string, cause?: unknown): SiteConfigError {
  return new SiteConfigError(message, { category: 'rabbitmqapi', cause })
}
