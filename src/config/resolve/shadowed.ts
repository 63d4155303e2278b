import type { Entry, Place } from '../entry.ts'
import { printed } from '../printed.ts'

/**
 * A sentence for each setting that was given twice, with different values: both places, and which one counts. Not for
 * an option of the command line, which is there to count.
 */
export function shadowWarnings(entries: ReadonlyMap<string, Entry>): readonly string[] {
  return [...entries].flatMap(([name, entry]) =>
    (entry.shadowed ?? [])
      .filter(({ isSame }) => !isSame && entry.source !== 'option')
      .map((place) => `${name}: ${placed(entry)} counts, ${placed(place)} is not used`),
  )
}

export function isSameValue(one: unknown, other: unknown): boolean {
  return printed(one) === printed(other)
}

function placed({ source, variable }: Pick<Place, 'source' | 'variable'>): string {
  if (source === 'argument') return 'the value given to Config'
  return source === '.env' ? `${variable} in .env` : `${variable} in the environment`
}
