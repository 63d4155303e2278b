import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

// Apart from rabbitmq.ts, as what runs before and after all tests may not import Vitest.

/** Evaluates an Erlang expression in the broker; each time another Erlang is started, which takes half a second. */
export type Evaluate = (expression: string) => Promise<void>

const AT_ONCE = 10
const ENOUGH = 5

/**
 * Makes virtual hosts ahead of the tests that ask for them, and deletes those that are given back, ten at a time.
 * Tests run in processes of their own, so they ask over HTTP.
 */
export class VhostPool {
  readonly #evaluate: Evaluate
  readonly #user: string
  readonly #server: Server
  readonly #ready: string[] = []
  #returned: string[] = []
  #making: Promise<void> | undefined
  #deleting: Promise<void> = Promise.resolve()

  constructor(evaluate: Evaluate, user: string) {
    this.#evaluate = evaluate
    this.#user = user
    this.#server = createServer((request, response) => {
      const name = new URL(request.url ?? '/', 'http://pool').searchParams.get('name')
      const answer = request.method === 'POST' ? this.#take() : this.#give(name)
      answer.then(
        (text) => response.end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
  }

  /** Resolves with the url to POST to for a name, and to DELETE `?name=` at. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/` // it listens on a port
  }

  /** Deletes what is left. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await this.#making?.catch(() => undefined)
    await this.#deleting
    await this.#delete([...this.#returned, ...this.#ready])
  }

  async #take(): Promise<string> {
    if (this.#ready.length <= ENOUGH) {
      this.#making ??= this.#make().finally(() => {
        this.#making = undefined
      })
      // Its failure is told to whoever waits for it.
      this.#making.catch(() => undefined)
    }
    const name = this.#ready.shift()
    if (name !== undefined) return name
    await this.#making
    return await this.#take()
  }

  async #give(name: string | null): Promise<string> {
    if (name !== null) this.#returned.push(name)
    if (this.#returned.length >= AT_ONCE) {
      const names = this.#returned
      this.#returned = []
      this.#deleting = this.#deleting.then(() => this.#delete(names))
    }
    return ''
  }

  async #make(): Promise<void> {
    const names = Array.from({ length: AT_ONCE }, () => `test-${randomUUID()}`)
    await this.#evaluate(
      `lists:foreach(fun(N) -> ok = rabbit_vhost:add(N, <<"test">>), ` +
        `ok = rabbit_auth_backend_internal:set_permissions(<<"${this.#user}">>, N, <<".*">>, <<".*">>, <<".*">>, ` +
        `<<"test">>) end, ${listOf(names)}).`,
    )
    this.#ready.push(...names)
  }

  /** What cannot be deleted, as the broker is away, is left to it. */
  async #delete(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const expression = `lists:foreach(fun(N) -> catch rabbit_vhost:delete(N, <<"test">>) end, ${listOf(names)}).`
    await this.#evaluate(expression).catch(() => undefined)
  }
}

function listOf(names: readonly string[]): string {
  return `[${names.map((name) => `<<"${name}">>`).join(', ')}]`
}
