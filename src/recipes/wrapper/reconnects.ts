import { sleep } from '../../async/sleep.ts'
import { DisconnectedError } from '../../errors.ts'
import type { Transport } from '../transport/transport.ts'

/** Python's limit: 3, 12, 27, … 432 seconds, 32.5 minutes in all. */
const MAX_ATTEMPTS = 12

/**
 * Does a send again after a lost connection, where the transport can be connected again without losing anything:
 * in `wrap`, which subscribes to nothing. In a service the error is thrown at once.
 */
export async function withReconnects(
  transport: Transport,
  work: () => Promise<void>,
): Promise<void> {
  let first: DisconnectedError | null = null
  for (let attempt = 0; ; attempt += 1) {
    try {
      if (attempt > 0) await transport.connect()
      return await work()
    } catch (error) {
      if (!(error instanceof DisconnectedError) || !transport.isReconnectable) throw error
      first ??= error
      if (attempt >= MAX_ATTEMPTS) throw first
      await sleep(3000 * (attempt + 1) ** 2)
    }
  }
}
