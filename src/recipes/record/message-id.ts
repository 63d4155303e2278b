import { createHash } from 'node:crypto'
import { encodeMessage } from '../transport/mangle.ts'

/** Of the content of a recipe message, in the form of a UUID: the same in every language and at every delivery. */
export function messageId(message: unknown): string {
  return idOfText(encodeMessage(message))
}

/** The same of a message as it was sent; of other text the id that it alone has. */
export function idOfText(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
