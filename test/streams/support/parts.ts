import { Received, type Settlement } from '../../../src/streams/parts/received.ts'

/** A publisher that keeps all it is given. */
export class Collector<T = unknown> {
  readonly messages: T[] = []
  readonly headers: unknown[] = []
  closed = 0

  publish(message: unknown, { headers }: { readonly headers?: unknown } = {}): void {
    this.messages.push(message as T)
    this.headers.push(headers)
  }

  close(): void {
    this.closed += 1
  }
}

/** Messages whose source writes down what became of each. */
export function settling<T>(values: readonly T[], fates: string[]): Received<T>[] {
  return values.map(
    (value) => new Received({ value, settlement: settlementOf(String(value), fates) }),
  )
}

export function settlementOf(name: string, fates: string[]): Settlement {
  return {
    ack: () => void fates.push(`ack ${name}`),
    giveBack: () => void fates.push(`back ${name}`),
    reject: () => void fates.push(`reject ${name}`),
  }
}

export async function* forever<T>(
  values: Iterable<T>,
  signal?: AbortSignal,
): AsyncGenerator<T, void> {
  yield* values
  await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
}
