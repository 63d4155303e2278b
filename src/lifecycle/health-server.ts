import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../logger.ts'
import { HttpServer } from './http-server.ts'

export interface HealthServerOptions {
  readonly port: number
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined
  /** What keeps it from its work right now; empty where nothing does. */
  readonly problems: () => readonly string[]
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly text: string }>
  readonly logger: Logger
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly contentType?: string
}

/**
 * Says over HTTP how a service is: `/livez` as long as its event loop turns, `/readyz` while it can do its work, with
 * what keeps it from that otherwise, and `/metrics` for Prometheus.
 */
export class HealthServer {
  readonly #options: HealthServerOptions
  readonly #host: string
  readonly #server: HttpServer

  constructor(options: HealthServerOptions) {
    this.#options = options
    this.#host = options.host ?? '127.0.0.1'
    this.#server = new HttpServer({ port: options.port, host: this.#host }, (request, response) => {
      this.#respond(request, response).catch((error: unknown) => {
        options.logger.warn({ err: error, path: request.url }, 'a health check request failed')
        response.destroy()
      })
    })
  }

  /** Where it listens; with port 0 the system has chosen. */
  get port(): number {
    return this.#server.port
  }

  /** Rejects where the port is taken. */
  async start(): Promise<void> {
    await this.#server.start()
    const { port } = this
    this.#options.logger.info({ host: this.#host, port }, 'health and metrics are served')
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const {
      status,
      text,
      contentType = 'text/plain; charset=utf-8',
    } = isRead
      ? await this.#answer(new URL(request.url ?? '/', 'http://localhost').pathname)
      : { status: 405, text: 'only GET and HEAD are answered\n' }
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' })
    response.end(request.method === 'HEAD' ? undefined : text)
  }

  async #answer(path: string): Promise<Answer> {
    if (path === '/livez') return { status: 200, text: 'ok\n' }
    if (path === '/readyz') return this.#readiness()
    if (path === '/metrics' && this.#options.metrics !== undefined) {
      return { status: 200, ...(await this.#options.metrics()) }
    }
    return { status: 404, text: 'there are /livez, /readyz and /metrics\n' }
  }

  #readiness(): Answer {
    const problems = this.#options.problems()
    if (problems.length === 0) return { status: 200, text: 'ok\n' }
    return { status: 503, text: `${problems.join('\n')}\n` }
  }
}
