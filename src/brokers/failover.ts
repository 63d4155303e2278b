import { separateUrls } from '../safe-url.ts'
import { shuffled } from '../shuffled.ts'

/** How the next of several urls is chosen: Celery's two strategies, or a function of one's own. */
export type FailoverStrategy =
  | 'round-robin'
  | 'shuffle'
  | ((urls: readonly string[]) => Iterable<string>)

/** The urls in the text of one setting; Celery puts `;` between them. */
export function urlsIn(text: string): readonly string[] {
  const urls = separateUrls(text).filter((url) => url !== '')
  return urls.length === 0 ? [text] : urls
}

/**
 * One address of several: the same until it fails, then the next,
 * https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-failover-strategy
 */
export class Failover<Address> {
  readonly size: number
  readonly #order: () => Iterable<Address>
  #iterator: Iterator<Address>
  #current: Address

  constructor(addresses: readonly Address[], order: () => Iterable<Address> = () => addresses) {
    const [first] = addresses
    if (first === undefined) throw new Error('there is no address to fail over to')
    this.size = addresses.length
    this.#order = order
    this.#iterator = order()[Symbol.iterator]()
    this.#current = this.#next() ?? first
  }

  get current(): Address {
    return this.#current
  }

  /** Passes to the next address, and after the last one to the first. */
  advance(): void {
    this.#current = this.#next() ?? this.#restarted() ?? this.#current
  }

  /** Tries the current address and then each of the others once; throws what is most worth knowing. */
  async each<Result>(
    attempt: (address: Address) => Promise<Result>,
    isFinal: (error: unknown) => boolean,
  ): Promise<Result> {
    const failures: unknown[] = []
    while (failures.length < this.size) {
      try {
        return await attempt(this.#current)
      } catch (error) {
        failures.push(error)
        this.advance()
      }
    }
    // Where one of them may still come back, that others never will is no reason to give up.
    throw failures.find((error) => !isFinal(error)) ?? failures.at(-1)
  }

  #restarted(): Address | undefined {
    this.#iterator = this.#order()[Symbol.iterator]()
    return this.#next()
  }

  #next(): Address | undefined {
    const { done, value } = this.#iterator.next()
    return done === true ? undefined : value
  }
}

/** Answers the order in which a strategy goes through the urls. */
export function failoverOrder(
  urls: readonly string[],
  strategy: FailoverStrategy,
): () => Iterable<string> {
  if (typeof strategy === 'function') return () => strategy(urls)
  return strategy === 'shuffle' ? () => shuffled(urls) : () => urls
}
