import { connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Its bytes vanish, and neither side is told: a half-open connection. */
  isBlack: boolean
  /** What is passed on once bytes flow again. */
  held: (() => void)[]
}

/** Stands between a program and its server, and does to their connections what networks do. */
export class TcpProxy {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #isRefusing = false
  #isStalled = false
  #isSilent = false
  #toCorrupt = 0

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer((client) => this.#accept(client))
  }

  static async before(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url.replace(/^[^:]+/, 'http'))
    const proxy = new TcpProxy({ host: hostname, port: Number(port) })
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  /** The same url, by way of the proxy. */
  urlFor(url: string): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string')
      throw new Error('the proxy does not listen')
    const { host, port } = this.#target
    return url.replace(`${host}:${port}`, `127.0.0.1:${address.port}`)
  }

  /** Those that the programs hold open, half-open ones included. */
  get connections(): number {
    return this.#pairs.size
  }

  /** Ends every connection, as a restarted router does. */
  drop(): void {
    for (const pair of this.#pairs) this.#end(pair)
  }

  /** Takes no new connection until told otherwise. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing
  }

  /** Holds all bytes back until told otherwise; none is lost. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled
    if (isStalled) return
    for (const pair of this.#pairs) {
      const held = pair.held
      pair.held = []
      for (const pass of held) pass()
      pair.client.resume()
      pair.server.resume()
    }
  }

  /** The connections of now fall silent for good; new ones work. */
  halfOpen(): void {
    for (const pair of this.#pairs) pair.isBlack = true
  }

  /** Those of now fall silent, and new ones are taken and silent, too, until told otherwise: what began silent stays so. */
  silence(isSilent: boolean): void {
    this.#isSilent = isSilent
    if (isSilent) this.halfOpen()
  }

  /** Turns a byte over in each of so many pieces that servers send. */
  corrupt(pieces: number): void {
    this.#toCorrupt = pieces
  }

  async close(): Promise<void> {
    this.drop()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      client.destroy()
      return
    }
    const server = connect(this.#target)
    const pair: Pair = { client, server, isBlack: this.#isSilent, held: [] }
    this.#pairs.add(pair)
    client.on('error', () => this.#end(pair))
    server.on('error', () => this.#onServerEnd(pair))
    client.on('close', () => this.#end(pair))
    server.on('close', () => this.#onServerEnd(pair))
    client.on('data', (bytes) => this.#pass(pair, { from: client, to: server, bytes }))
    server.on('data', (bytes) => {
      this.#pass(pair, { from: server, to: client, bytes: this.#spoiled(bytes) })
    })
  }

  /** Of a half-open connection the program hears nothing. */
  #onServerEnd(pair: Pair): void {
    if (!pair.isBlack) this.#end(pair)
  }

  #pass(
    pair: Pair,
    way: { readonly from: Socket; readonly to: Socket; readonly bytes: Buffer },
  ): void {
    if (pair.isBlack) return
    if (!this.#isStalled) {
      way.to.write(way.bytes)
      return
    }
    way.from.pause()
    pair.held.push(() => way.to.write(way.bytes))
  }

  #spoiled(bytes: Buffer): Buffer {
    if (this.#toCorrupt === 0) return bytes
    this.#toCorrupt -= 1
    const spoiled = Buffer.from(bytes)
    const middle = bytes.length >> 1
    spoiled[middle] = (spoiled[middle] ?? 0) ^ 0xff
    return spoiled
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.client.destroy()
    pair.server.destroy()
  }
}
