import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { connect, type Socket } from 'node:net'
import { isDoneWithin } from '../../async/with-deadline.ts'
import { gelfDatagrams, gelfText } from './gelf.ts'
import type { LogRecord, LogSink } from './log-record.ts'

interface GraylogPlace {
  readonly protocol: 'UDP' | 'TCP'
  readonly host: string
  readonly port: number
}

/** Records that wait for a connection; of more the oldest are lost. */
const MOST_WAITING = 1000
const CLOSE_MS = 1000

/** Sends each record to a Graylog server. A server that is away costs records, never the service. */
export function graylogSink({ protocol, host, port }: GraylogPlace): LogSink {
  const send = protocol === 'UDP' ? overUdp(host, port) : overTcp(host, port)
  return {
    level: 0,
    write: (record: LogRecord) => {
      try {
        send.text(gelfText(record))
      } catch {
        // A record whose fields cannot be read (a getter that throws) is left out.
      }
    },
    close: send.close,
  }
}

interface Sending {
  text(text: string): void
  close(): Promise<void>
}

/** The name is looked up once, not for every record. */
function overUdp(host: string, port: number): Sending {
  const address = lookup(host).then(
    (found) => found,
    () => ({ address: host, family: 4 }),
  )
  const socket = address.then(({ family }) => {
    const opened = createSocket(family === 6 ? 'udp6' : 'udp4')
    opened.on('error', () => undefined) // datagrams may be lost
    opened.unref()
    return opened
  })
  let last: Promise<unknown> = Promise.resolve()
  return {
    text: (text) => {
      const datagrams = gelfDatagrams(text) ?? []
      last = last.then(async () => {
        const [{ address: to }, from] = await Promise.all([address, socket])
        for (const datagram of datagrams) {
          await new Promise<void>((resolve) => from.send(datagram, port, to, () => resolve()))
        }
      })
    },
    close: async () => {
      await isDoneWithin(CLOSE_MS, last)
      const opened = await socket
      await new Promise<void>((resolve) => opened.close(() => resolve()))
    },
  }
}

/** One connection, made again when a record comes after it was lost. */
function overTcp(host: string, port: number): Sending {
  const waiting: string[] = []
  let socket: Socket | undefined
  let isOpen = false
  const open = (): void => {
    const opened = connect({ host, port }, () => {
      isOpen = true
      for (const text of waiting.splice(0)) opened.write(`${text}\0`)
    })
    opened.unref()
    opened.on('error', () => undefined) // 'close' follows
    opened.on('close', () => {
      isOpen = false
      socket = undefined
    })
    socket = opened
  }
  return {
    text: (text) => {
      if (socket === undefined) open()
      if (isOpen) return void socket?.write(`${text}\0`)
      waiting.push(text)
      if (waiting.length > MOST_WAITING) waiting.shift()
    },
    close: async () => {
      const ending = socket
      if (ending === undefined) return
      ending.ref()
      await isDoneWithin(
        CLOSE_MS,
        new Promise<void>((resolve) => {
          ending.once('close', () => resolve())
          if (isOpen) ending.end()
          else ending.once('connect', () => ending.end())
        }),
      )
      ending.destroy()
    },
  }
}
