import { deferred } from '../../async/deferred.ts'
import type { Node } from '../compilation/compile.ts'

interface PoolParts {
  /** Atoms that run at a time. */
  readonly most: number
  /** Rejects where the engine, and not the atom, has failed. */
  readonly start: (node: Node) => Promise<void>
}

/** The atoms of a parallel run that are under way, and those that wait for a place. */
export class Pool {
  readonly #parts: PoolParts
  readonly #queue: Node[] = []
  readonly #running = new Set<Node>()
  #crash: { readonly error: unknown } | undefined
  #change = deferred()

  constructor(parts: PoolParts) {
    this.#parts = parts
  }

  /** Atoms under way. */
  get size(): number {
    return this.#running.size
  }

  /** The engine has failed at an atom: no other one starts. */
  get isCrashed(): boolean {
    return this.#crash !== undefined
  }

  add(nodes: Iterable<Node>): void {
    this.#queue.push(...nodes)
    this.#fill()
  }

  /** Starts none of those that wait. */
  clear(): void {
    this.#queue.length = 0
  }

  refuseCrash(): void {
    if (this.#crash !== undefined) throw this.#crash.error
  }

  /** Resolves when an atom has ended, or at `wake`. */
  async changed(): Promise<void> {
    this.#change = deferred()
    await this.#change.promise
  }

  wake(): void {
    this.#change.resolve()
  }

  #fill(): void {
    while (this.#running.size < this.#parts.most) {
      const node = this.#queue.shift()
      if (node === undefined) return
      if (!this.#running.has(node)) this.#begin(node)
    }
  }

  #begin(node: Node): void {
    this.#running.add(node)
    this.#parts
      .start(node)
      .catch((error: unknown) => {
        this.#crash ??= { error }
        this.clear()
      })
      .finally(() => {
        this.#running.delete(node)
        this.#fill()
        this.wake()
      })
  }
}
