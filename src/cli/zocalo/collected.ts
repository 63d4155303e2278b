import { UsageError } from '../../errors.ts'

/** An option that may be repeated. */
export function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

/** Seconds, with fractions. */
export function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new UsageError(`"${text}" is not a time, expected seconds`)
}
