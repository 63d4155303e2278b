import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server that takes connections and what they send, and never answers. */
export interface MuteServer {
  readonly port: number
  /** Resolves once somebody has connected. */
  readonly connected: Promise<unknown>
  /** How many connections there are now. */
  readonly open: () => number
}

export async function muteServer(): Promise<MuteServer> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.resume()
  })
  const connected = once(server, 'connection')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo // a TCP server has no other address
  return { port, connected, open: () => sockets.filter(({ destroyed }) => !destroyed).length }
}
