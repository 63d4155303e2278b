import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A way to PostgreSQL that can be shut: connections through it end, and none is made until it is opened. */
export interface Gate {
  readonly url: string
  shut(): void
  open(): void
  /** Ends the connection that commits messages next: before the server gets it, or before its answer is heard. */
  cutAtCommit(when: 'before' | 'after'): void
}

/** A simple query, as the protocol has it: its type, its length, its text. */
const COMMIT = Buffer.from('Q\u0000\u0000\u0000\u000bCOMMIT\u0000', 'latin1')

export async function gateTo(url: string): Promise<Gate> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isOpen = true
  let cutting: 'before' | 'after' | null = null
  const server = createServer((near) => {
    if (!isOpen) {
      near.destroy()
      return
    }
    const far = connect(Number(target.port || 5432), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      // A connection that is cut ends both sides; that is the point.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    let isUnheard = false
    let hasWritten = false
    near.on('data', (sent) => {
      hasWritten ||= sent.includes('INSERT INTO monitor.message')
      const when = hasWritten && sent.includes(COMMIT) ? cutting : null
      if (when !== null) cutting = null
      isUnheard ||= when === 'after'
      if (when === 'before') near.destroy()
      else far.write(sent)
    })
    far.on('data', (answer) => {
      if (isUnheard) near.destroy()
      else near.write(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  const gated = new URL(url)
  gated.host = `127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server has no other kind of address
  return {
    url: gated.href,
    shut: () => {
      isOpen = false
      cut()
    },
    open: () => {
      isOpen = true
    },
    cutAtCommit: (when) => {
      cutting = when
    },
  }
}
