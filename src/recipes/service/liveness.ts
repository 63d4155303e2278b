import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDoneWithin } from '../../async/with-deadline.ts'

interface LivenessOptions {
  readonly port: number
  readonly timeoutMs: number
  /** Resolves as soon as the service could take something else. */
  readonly isFree: () => Promise<void>
}

/** Answers any GET: 200 `ok` where the service takes things, 408 where it does not within the timeout. */
export class Liveness {
  readonly #options: LivenessOptions
  #server: Server | undefined

  constructor(options: LivenessOptions) {
    this.#options = options
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#options.port
  }

  async start(): Promise<void> {
    const server = createServer((_request, response) => {
      const answer = async (): Promise<void> => {
        const isFree = await isDoneWithin(this.#options.timeoutMs, this.#options.isFree())
        response.writeHead(isFree ? 200 : 408, { 'content-type': 'text/plain; charset=utf-8' })
        response.end(isFree ? 'ok' : 'the service is busy')
      }
      answer().catch(() => response.destroy())
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#options.port, () => resolve())
    })
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await new Promise<void>((resolve) => {
      if (server === undefined) return resolve()
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}
