import { type Deferred, deferred } from '../../../async/deferred.ts'
import type { Logger, LogMethod } from '../../../logger.ts'
import type { App } from '../../../tasks/app/app.ts'
import type { RunEnvironment } from '../pool.ts'
import { fromBorder, toBorder } from './border-values.ts'
import type { ChildPort, LogLevel, ToChild } from './messages.ts'

/** What only the worker can do for a task that runs in a child: asked for, and waited for. */
export class Asks {
  readonly #port: ChildPort
  readonly #open = new Map<number, Deferred<unknown>>()
  #asked = 0

  constructor(port: ChildPort) {
    this.#port = port
  }

  async ask(
    call: number,
    what: 'saveState' | 'sendEvent' | 'addToChord',
    args: unknown,
  ): Promise<unknown> {
    this.#asked += 1
    const answer = deferred<unknown>()
    this.#open.set(this.#asked, answer)
    this.#port.send({ kind: 'ask', ask: this.#asked, call, what, args: toBorder(args) })
    return await answer.promise
  }

  answered({ ask, value, error }: ToChild & { readonly kind: 'answer' }): void {
    const answer = this.#open.get(ask)
    this.#open.delete(ask)
    if (error === undefined) answer?.resolve(fromBorder(value))
    else answer?.reject(fromBorder(error))
  }
}

interface RemoteParts {
  readonly app: App
  readonly port: ChildPort
  readonly asks: Asks
  readonly soft: number | null
}

/** What a run may use of its worker, from a child. */
export function remoteEnvironment(
  call: number,
  { app, port, asks, soft }: RemoteParts,
): RunEnvironment {
  return {
    logger: remoteLogger(port, { call }),
    saveState: async (...args) => void (await asks.ask(call, 'saveState', args)),
    sendEvent: async (...args) => void (await asks.ask(call, 'sendEvent', args)),
    addToChord: async (signature) => {
      const id = await asks.ask(call, 'addToChord', [signature])
      return app.asyncResult(String(id))
    },
    // The hard limit ends the whole child.
    limits: { softTimeLimit: soft, timeLimit: null },
  }
}

/** Writes to the worker's log. */
export function remoteLogger(
  port: ChildPort,
  {
    call = null,
    fixed = {},
  }: { readonly call?: number | null; readonly fixed?: Readonly<Record<string, unknown>> } = {},
): Logger {
  const method = (level: LogLevel): LogMethod => {
    const log = (first: Readonly<Record<string, unknown>> | string, second = ''): void => {
      const [fields, sentence] = typeof first === 'string' ? [{}, first] : [first, second]
      port.send({ kind: 'log', call, level, fields: toBorder({ ...fixed, ...fields }), sentence })
    }
    return log
  }
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => remoteLogger(port, { call, fixed: { ...fixed, ...fields } }),
  }
}
