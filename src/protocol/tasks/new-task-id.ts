import { randomUUID } from 'node:crypto'

/**
 * A new id. Node puts a UUID together from pieces, which take seven times the memory of the text for as long as it is
 * kept; to change its case is a way to have the text in one.
 */
export function newTaskId(): string {
  return randomUUID().toLowerCase()
}
