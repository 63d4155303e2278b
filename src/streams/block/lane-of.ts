import { createHash } from 'node:crypto'
import { textOfError } from '../../text-of-error.ts'
import { Received } from '../parts/received.ts'

/** The lane of a message by its key: always the same one for a key. */
export function laneOf(
  received: Received,
  partitionBy: (message: never) => unknown,
  lanes: number,
): { readonly lane: number; readonly received: Received } {
  if (received.unreadable !== undefined) return { lane: 0, received }
  try {
    return { lane: numberOf(partitionBy(received.value as never), lanes), received }
  } catch (error) {
    // A message without a key fails in the first lane, like one that cannot be read.
    const unreadable = new Error(`partitionBy failed: ${textOfError(error)}`, { cause: error })
    return { lane: 0, received: new Received({ ...received, unreadable }) }
  }
}

function numberOf(key: unknown, lanes: number): number {
  if (typeof key === 'number' && Number.isSafeInteger(key)) return Math.abs(key) % lanes
  return createHash('sha1').update(String(key)).digest().readUInt32BE(0) % lanes
}
