import { withDeadline } from '../../async/with-deadline.ts'
import { openBroker } from '../../brokers/open-broker.ts'
import { depthOf } from '../queue-states.ts'

const WITHIN_MS = 4_000

/** Those of these queues that are there, with what waits in them. Nothing is declared. */
export async function queuesOn(
  url: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  await using broker = openBroker({ url, connectTimeoutMs: WITHIN_MS })
  const look = async (): Promise<ReadonlyMap<string, number>> => {
    const found = new Map<string, number>()
    for (const name of names) {
      const depth = await depthOf(broker, name)
      if (depth !== undefined) found.set(name, depth.messages)
    }
    return found
  }
  return await withDeadline(
    look(),
    WITHIN_MS + 500,
    () => new Error(`${broker.safeUrl} did not answer within ${WITHIN_MS} ms`),
  )
}
