/** What every broker shares: the listeners to its connection. */
export abstract class BaseBroker implements AsyncDisposable {
  readonly #lost = new Set<(cause: Error) => void>()
  readonly #restored = new Set<(cause: Error) => void>()

  abstract close(): Promise<void>

  on(event: 'lost' | 'restored', listener: (cause: Error) => void): void {
    this.#listeners(event).add(listener)
  }

  off(event: 'lost' | 'restored', listener: (cause: Error) => void): void {
    this.#listeners(event).delete(listener)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Calls the listeners to `lost`. */
  protected emitLost(cause: Error): void {
    for (const listener of [...this.#lost]) listener(cause)
  }

  /** Calls the listeners to `restored`. */
  protected emitRestored(): void {
    const listeners = [...this.#restored] as (() => void)[]
    for (const listener of listeners) listener()
  }

  #listeners(event: 'lost' | 'restored'): Set<(cause: Error) => void> {
    return event === 'lost' ? this.#lost : this.#restored
  }
}
