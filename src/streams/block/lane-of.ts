import { createHash } from 'node:crypto'

/** The lane of a message by its key: always the same one for a key. */
export function laneOf(
  value: unknown,
  partitionBy: (message: never) => unknown,
  lanes: number,
): number {
  const key = keyOf(value, partitionBy)
  if (typeof key === 'number' && Number.isSafeInteger(key)) return Math.abs(key) % lanes
  return createHash('sha1').update(String(key)).digest().readUInt32BE(0) % lanes
}

/** A message that cannot be read, or that the function fails on, goes to the first lane, and fails there. */
function keyOf(value: unknown, partitionBy: (message: never) => unknown): unknown {
  try {
    return partitionBy(value as never)
  } catch {
    return 0
  }
}
