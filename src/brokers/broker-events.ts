/** The `lost` and `restored` listeners of a broker. */
export class BrokerEvents {
  readonly #lost = new Set<(cause: Error) => void>()
  readonly #restored = new Set<(cause: Error) => void>()

  on(event: 'lost' | 'restored', listener: (cause: Error) => void): void {
    this.#listeners(event).add(listener)
  }

  off(event: 'lost' | 'restored', listener: (cause: Error) => void): void {
    this.#listeners(event).delete(listener)
  }

  lost(cause: Error): void {
    for (const listener of [...this.#lost]) listener(cause)
  }

  restored(): void {
    const listeners = [...this.#restored] as (() => void)[]
    for (const listener of listeners) listener()
  }

  #listeners(event: 'lost' | 'restored'): Set<(cause: Error) => void> {
    return event === 'lost' ? this.#lost : this.#restored
  }
}
