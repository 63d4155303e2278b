import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CeleryApp, Config, createApp } from 'celery-toolbox'

/** A server that stands for Amazon SQS, and our app on it. */
export interface SqsPlace {
  /** `sqs://…` */
  readonly url: string
  readonly prefix: string
  readonly app: CeleryApp
  /** How many messages a queue has, those that were received and not yet deleted included. */
  depth(queue: string): Promise<number>
  close(): Promise<void>
}

/** `delayMs` is added to each call on its way, as a network would. */
export async function openSqs({ delayMs = 0 } = {}): Promise<SqsPlace> {
  const server = await startServer()
  const port = delayMs > 0 ? await slowProxy(server.port, delayMs) : server.port
  const url = `sqs://key:secret@127.0.0.1:${port}`
  const prefix = `b${randomUUID().slice(0, 8)}`
  const config = new Config({
    queues: ['export', 'python'],
    QUEUE_PREFIX: prefix,
    broker_url: url,
    broker_transport_options: { wait_time_seconds: 1 },
    result_backend: 'disabled://',
    dotenv: false,
    environment: {},
  })
  const app = createApp(config)
  await app.setUp()
  return {
    url,
    prefix: `${prefix}-`,
    app,
    depth: async (queue) => {
      const { messages, inFlight = 0 } = await app.broker().depth(queue)
      return messages + inFlight
    },
    close: async () => {
      await app.close()
      server.child.kill()
    },
  }
}

/** In a process of its own, so that it does not share an event loop with what is measured. */
async function startServer(): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const tsx = join(import.meta.dirname, '../../node_modules/.bin/tsx')
  const child = spawn(tsx, [join(import.meta.dirname, 'server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(text.toString()), child }
}

/** Everything that is sent to it reaches the server so much later. */
async function slowProxy(port: number, delayMs: number): Promise<number> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    void sleep(delayMs).then(() => {
      const call = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      })
      call.on('error', () => outgoing.destroy())
      incoming.pipe(call)
    })
  })
  proxy.listen(0, '127.0.0.1').unref()
  await once(proxy, 'listening')
  return (proxy.address() as AddressInfo).port
}
