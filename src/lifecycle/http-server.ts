import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Address {
  readonly port: number
  /** Default: all addresses. */
  readonly host?: string
}

/** An HTTP server that starts and stops: the stop closes its connections, too. */
export class HttpServer {
  readonly #address: Address
  readonly #respond: RequestListener
  #server: Server | undefined

  constructor(address: Address, respond: RequestListener) {
    this.#address = address
    this.#respond = respond
  }

  /** Where it listens; with port 0 the system has chosen. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#address.port
  }

  /** Rejects where the port is taken. */
  async start(): Promise<void> {
    const { port, host } = this.#address
    const server = createServer(this.#respond)
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        resolve()
      })
    })
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}
