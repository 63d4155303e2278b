import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** What happens to a call: `lost` reaches the server, and its answer does not come back. */
export type Fault = 'pass' | 'reset' | 'hang' | 'lost' | Refusal | Change

interface Refusal {
  readonly status: number
  readonly body: unknown
}

interface Change {
  readonly change: (answer: Record<string, unknown>) => unknown
}

interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly body: Buffer
}

export interface FaultyProxy {
  readonly port: number
  /** Every call that came, by its action. */
  readonly calls: string[]
  /** The access keys that they were signed with. */
  readonly keys: Set<string>
  /** Decides what happens to a call; it may be set anew at any time. */
  fault: (action: string, input: Record<string, unknown>) => Fault
  /** Added to each call. */
  delayMs: number
}

/** Stands between a broker and its server. */
export async function faultyProxy(port: number): Promise<FaultyProxy> {
  const server = createServer((incoming, outgoing) => {
    void handle(incoming, outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const proxy: FaultyProxy = {
    port: (server.address() as AddressInfo).port,
    calls: [],
    keys: new Set(),
    fault: () => 'pass',
    delayMs: 0,
  }
  return proxy

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bytesOf(incoming)
    const action = String(incoming.headers['x-amz-target']).replace('AmazonSQS.', '')
    proxy.calls.push(action)
    proxy.keys.add(keyOf(incoming))
    if (proxy.delayMs > 0) await sleep(proxy.delayMs)
    const fault = proxy.fault(action, JSON.parse(body.toString() || '{}'))
    if (fault === 'hang') return
    if (fault === 'reset') incoming.socket.destroy()
    else if (typeof fault === 'object' && 'status' in fault) refuse(outgoing, fault)
    else await forward(fault, { incoming, outgoing, body })
  }

  async function forward(
    fault: 'pass' | 'lost' | Change,
    { incoming, outgoing, body }: Exchange,
  ): Promise<void> {
    const { status, headers, bytes } = await forwarded(incoming, body)
    if (fault === 'lost') {
      incoming.socket.destroy()
      return
    }
    const answer = fault === 'pass' ? bytes : changed(bytes, fault)
    outgoing.writeHead(status, { ...headers, 'content-length': answer.length })
    outgoing.end(answer)
  }

  function forwarded(incoming: IncomingMessage, body: Buffer) {
    return new Promise<{ status: number; headers: object; bytes: Buffer }>((resolve, reject) => {
      const { method, url: path, headers } = incoming
      const call = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        bytesOf(answer).then(
          (bytes) => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, bytes }),
          reject,
        )
      })
      call.on('error', reject)
      call.end(body)
    })
  }
}

function refuse(outgoing: ServerResponse, { status, body }: Refusal): void {
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
  outgoing.end(JSON.stringify(body))
}

function changed(bytes: Buffer, { change }: Change): Buffer {
  return Buffer.from(JSON.stringify(change(JSON.parse(bytes.toString()))))
}

function keyOf({ headers }: IncomingMessage): string {
  return /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1] ?? ''
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
