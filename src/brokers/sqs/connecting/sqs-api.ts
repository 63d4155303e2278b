import type { SQS } from '@aws-sdk/client-sqs'
import { driverTimeoutMs, startTimer } from '../../../async/timer.ts'
import type { PredefinedQueue } from '../settings/predefined-queues.ts'
import type { SqsSettings } from '../settings/sqs-options.ts'
import { awsCredentials } from './aws-credentials.ts'
import { loadSqs } from './driver.ts'
import { endpointHost } from './endpoint-host.ts'
import { isAmazon, type SqsUrl } from './sqs-url.ts'

interface SqsApiParts {
  readonly url: SqsUrl
  readonly settings: SqsSettings
  /** Called for each call that was answered, be it by a refusal, and for each that was not. */
  readonly onAnswer: () => void
  readonly onSilence: (cause: unknown) => void
}

interface CallOptions {
  readonly abortSignal: AbortSignal
}

interface Call<Answer> {
  /** The queue's predefined entry, which may have credentials of its own. */
  readonly queue: PredefinedQueue | undefined
  readonly timeoutMs?: number | undefined
  /** Cuts it off. */
  readonly signal?: AbortSignal | undefined
  readonly make: (client: SQS, options: CallOptions) => Promise<Answer>
}

const TIMEOUT_MS = 10_000
const DEFAULT_REGION = 'us-east-1'

/** Calls SQS: one client, and one for each predefined queue that has a login or a region of its own. No call is made twice. */
export class SqsApi {
  readonly #parts: SqsApiParts
  readonly #clients = new Map<PredefinedQueue | undefined, Promise<SQS>>()

  constructor(parts: SqsApiParts) {
    this.#parts = parts
  }

  async call<Answer>({
    queue,
    timeoutMs = TIMEOUT_MS,
    signal,
    make,
  }: Call<Answer>): Promise<Answer> {
    const client = await this.#client(queue)
    const cut = new AbortController()
    const onAbort = (): void => cut.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    const late = new Error(`no answer from SQS within ${timeoutMs} ms`)
    const timer = startTimer(timeoutMs, () => cut.abort(late))
    try {
      const answer = await make(client, { abortSignal: cut.signal })
      this.#parts.onAnswer()
      return answer
    } catch (error) {
      const cause = cut.signal.reason === late ? late : error
      if (isAnswer(cause)) this.#parts.onAnswer()
      else if (!signal?.aborted) this.#parts.onSilence(cause)
      throw cause
    } finally {
      timer.clear()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()]
    this.#clients.clear()
    for (const client of clients) (await client.catch(() => undefined))?.destroy()
  }

  #client(queue: PredefinedQueue | undefined): Promise<SQS> {
    const own = queue?.credentials !== undefined || queue?.region !== undefined ? queue : undefined
    const key = own ?? (this.#isElsewhere(queue) ? queue : undefined)
    let client = this.#clients.get(key)
    if (client === undefined) {
      client = this.#open(key)
      this.#clients.set(key, client)
      client.catch(() => this.#clients.delete(key))
    }
    return client
  }

  async #open(queue: PredefinedQueue | undefined): Promise<SQS> {
    const { settings, url } = this.#parts
    const sqs = await loadSqs()
    const region =
      queue?.region ??
      settings.region ??
      settings.client.region ??
      (await regionOf(new sqs.SQS({})))
    const endpoint = this.#endpoint(queue)
    const agent = { keepAlive: true, maxSockets: settings.client.maxSockets }
    const client = new sqs.SQS({
      region,
      tls: settings.isSecure ?? true,
      // A batch is retried in part, and a publish until its deadline: by us.
      maxAttempts: 1,
      // Servers of one's own give urls with names that cannot be resolved.
      useQueueUrlAsEndpoint: false,
      requestHandler: {
        connectionTimeout: driverTimeoutMs(settings.client.connectTimeoutMs),
        ...(settings.client.readTimeoutMs !== undefined && {
          requestTimeout: driverTimeoutMs(settings.client.readTimeoutMs),
          // Else the SDK prints a warning, and waits on.
          throwOnRequestTimeout: true,
        }),
        httpAgent: agent,
        httpsAgent: agent,
      },
      ...(endpoint !== undefined && { endpoint }),
      ...(settings.client.userAgent !== undefined && {
        customUserAgent: settings.client.userAgent,
      }),
    })
    client.config.credentials = awsCredentials(client, {
      region,
      settings,
      url,
      queue,
      host: () => endpointHost(sqs, { region, endpoint }),
    })
    return client
  }

  #endpoint(queue: PredefinedQueue | undefined): string | undefined {
    const { host } = this.#parts.url
    if (host !== undefined)
      return `${this.#parts.settings.isSecure === true ? 'https' : 'http'}://${host}`
    return queue !== undefined && this.#isElsewhere(queue) ? new URL(queue.url).origin : undefined
  }

  /** A predefined queue on a server that is not Amazon's, where the url names none. */
  #isElsewhere(queue: PredefinedQueue | undefined): boolean {
    if (queue === undefined || this.#parts.url.host !== undefined) return false
    return URL.canParse(queue.url) && !isAmazon(new URL(queue.url).hostname)
  }
}

/** The server answered, be it that it refused. */
function isAnswer(error: unknown): boolean {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } }
  return $metadata?.httpStatusCode !== undefined && $metadata.httpStatusCode < 500
}

async function regionOf(client: SQS): Promise<string> {
  try {
    return await client.config.region()
  } catch {
    // Neither environment nor profile name one, and kombu's is taken.
    return DEFAULT_REGION
  } finally {
    client.destroy()
  }
}
