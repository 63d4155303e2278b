import { repr } from '../../codecs/python/python-repr.ts'

/** The arguments of a command, by Celery's names. */
export type Arguments = Readonly<Record<string, unknown>>

/** An argument that is refused: the name says to Python what kind of error it is. */
export function refused(argument: string, value: unknown, expected: string): Error {
  const error = new Error(`${argument} is ${repr(value)}, expected ${expected}`)
  error.name = 'ValueError'
  return error
}

/** What Python takes for true: 1 and 'yes' as well as true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}

/** No broker and no table has room for a longer name or id. */
export const LONGEST_TEXT = 2048

export function requiredText(args: Arguments, name: string): string {
  const value = args[name]
  const isText = typeof value === 'string' && value !== ''
  if (isText && value.length <= LONGEST_TEXT) return value
  throw refused(name, value, isText ? `a text of at most ${LONGEST_TEXT} characters` : 'a text')
}

/** Undefined where it is not given. */
export function optionalText(args: Arguments, name: string): string | undefined {
  return args[name] === undefined || args[name] === null ? undefined : requiredText(args, name)
}

/** Undefined where it is not given. */
export function optionalInteger(args: Arguments, name: string, least: number): number | undefined {
  const given = args[name]
  if (given === undefined || given === null) return undefined
  const value = typeof given === 'bigint' ? Number(given) : given
  if (Number.isSafeInteger(value) && Number(value) >= least) return Number(value)
  throw refused(name, given, `a whole number, ${least} or more`)
}

/** Null is no limit, and so is what is not given. */
export function optionalSeconds(args: Arguments, name: string): number | undefined {
  const value = args[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw refused(name, value, 'seconds, 0 or more, or None')
}

/** One text or a list of them. */
export function textsOf(args: Arguments, name: string): readonly string[] {
  const value = args[name]
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const wrong = list.find((item) => typeof item !== 'string' || item === '')
  if (wrong === undefined && list.every((item) => typeof item === 'string')) return list
  throw refused(name, value, 'a text or a list of texts')
}
