import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A way to a server whose present connections can be made to swallow everything; new ones work. */
export interface Silenceable {
  readonly url: string
  /** Nothing passes any more, and neither side is told. */
  readonly swallow: () => void
  /** Nothing passes on new connections, either. */
  readonly swallowAll: () => void
  /** What the server says passes no more; it hears all. */
  readonly swallowAnswers: () => void
  /** Ends the present connections. */
  readonly drop: () => void
  /** As if the server were gone: the present connections end, and new ones are refused, until `restore`. */
  readonly cut: () => void
  readonly restore: () => Promise<void>
  /** How many connections there have been. */
  readonly connections: () => number
  /** How many there are now. */
  readonly open: () => number
}

export async function silenceable(url: string, defaultPort: number): Promise<Silenceable> {
  const target = new URL(url)
  const [port, host] = [Number(target.port || defaultPort), target.hostname]
  const pairs: (readonly [near: Socket, far: Socket])[] = []
  let isMute = false
  const server = createServer((near) => {
    const far = connect(port, host)
    pairs.push([near, far])
    for (const socket of [near, far]) socket.on('error', () => undefined)
    if (isMute) {
      near.resume()
      return
    }
    near.pipe(far)
    far.pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const drop = (): void => {
    for (const socket of pairs.flat()) socket.destroy()
  }
  onTestFinished(() => {
    drop()
    server.close()
  })
  const swallow = (): void => {
    for (const [near, far] of pairs) {
      cut(near, far)
      cut(far, near)
    }
  }
  target.hostname = '127.0.0.1'
  target.port = String((server.address() as AddressInfo).port) // a TCP server has no other address
  return {
    url: target.href,
    swallow,
    swallowAll: () => {
      isMute = true
      swallow()
    },
    swallowAnswers: () => {
      for (const [near, far] of pairs) cut(far, near)
    },
    drop,
    cut: () => {
      server.close()
      drop()
    },
    restore: async () => {
      isMute = false
      if (server.listening) return
      server.listen(Number(target.port), '127.0.0.1')
      await once(server, 'listening')
    },
    connections: () => pairs.length,
    open: () => pairs.filter(([near]) => !near.destroyed).length,
  }
}

function cut(from: Socket, to: Socket): void {
  from.unpipe(to)
  from.resume()
}
