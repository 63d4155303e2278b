import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const WIRE = join(import.meta.dirname, '../fixtures/recipes/wire')

/** What Python's Zocalo and workflows printed and sent, as it was recorded. */
export function captured<T>(name: string): T {
  return JSON.parse(readFileSync(join(WIRE, `${name}.json`), 'utf8'))
}
