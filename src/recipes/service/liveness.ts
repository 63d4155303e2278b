import { isDoneWithin } from '../../async/with-deadline.ts'
import { HttpServer } from '../../lifecycle/http-server.ts'

interface LivenessOptions {
  readonly port: number
  readonly timeoutMs: number
  /** Resolves as soon as the service could take another message. */
  readonly isFree: () => Promise<void>
}

/** A server that answers any GET: 200 `ok` where the service could take a message within the timeout, else 408. */
export function livenessServer({ port, timeoutMs, isFree }: LivenessOptions): HttpServer {
  return new HttpServer({ port }, (_request, response) => {
    const answer = async (): Promise<void> => {
      const isReady = await isDoneWithin(timeoutMs, isFree())
      response.writeHead(isReady ? 200 : 408, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(isReady ? 'ok' : 'the service is busy')
    }
    answer().catch(() => response.destroy())
  })
}
