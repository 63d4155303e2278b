import { createHash } from 'node:crypto'
import { encodeMessage } from '../transport/mangle.ts'

/** Of the content of a recipe message, in the form of a UUID: the same in every language and at every delivery. */
export function messageId(message: unknown): string {
  const hex = createHash('sha256').update(encodeMessage(message)).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
