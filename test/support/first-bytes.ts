import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { onTestFinished } from 'vitest'

interface Listener {
  readonly port: number
  /** The first bytes of each connection. */
  readonly heard: readonly Buffer[]
}

/** How each connection over TLS begins: a handshake. */
export const TLS = Buffer.from([0x16, 0x03])

/** A server that records how its clients begin, and closes their connections. */
export async function listenForFirstBytes(): Promise<Listener> {
  const heard: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (bytes) => {
      heard.push(bytes.subarray(0, TLS.length))
      socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, heard }
}
