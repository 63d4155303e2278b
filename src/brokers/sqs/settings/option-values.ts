import type { BrokerError } from '../../../errors.ts'
import { isRecord } from '../../../protocol/field-readers.ts'
import { showValue } from '../../../protocol/show-value.ts'
import { safeUrl } from '../../../safe-url.ts'
import { optionUnfit } from '../connecting/server-errors.ts'

export type Options = Readonly<Record<string, unknown>>

/** What is given under a name; null counts as absent, as in Python. */
export interface Option {
  /** In full: `client-config.read_timeout`. */
  readonly name: string
  readonly value: unknown
}

export function optionOf(options: Options, key: string, name: string = key): Option {
  return { name, value: options[key] ?? undefined }
}

/** An empty text counts as absent, as in kombu. */
export function textIn(option: Option): string | undefined {
  const { value } = option
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw unfit(option, 'text')
}

export function flagIn(option: Option): boolean | undefined {
  const { value } = option
  if (value === undefined || typeof value === 'boolean') return value
  throw unfit(option, 'true or false')
}

/** A number, or a text that is one, as environments hold them; undefined for everything else. */
export function numberIn({ value }: Option): number | undefined {
  const number = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

const DECIMAL = /^\s*-?\d+(?:\.\d+)?\s*$/

export function wholeNumberIn(
  option: Option,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  if (option.value === undefined) return undefined
  const number = numberIn(option)
  if (number !== undefined && Number.isInteger(number) && number >= least && number <= most) {
    return number
  }
  throw unfit(option, `a whole number from ${least} to ${most}`)
}

export function dictIn(option: Option, expected: string = 'a dict'): Options {
  if (option.value === undefined) return {}
  if (isRecord(option.value)) return option.value
  throw unfit(option, expected)
}

/** A list of texts. */
export function textsIn(option: Option, expected: string): readonly string[] | undefined {
  const { value } = option
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw unfit(option, expected)
}

/** For what does not fit: names the option, shows its value and says what was expected. */
export function unfit({ name, value }: Option, expected: string): BrokerError {
  return optionUnfit(name, shown(name, value), expected)
}

/** What is secret is not shown, and of lists and dicts, which may hold secrets, only what they are. */
function shown(name: string, value: unknown): string {
  if (SECRET.test(name)) return MASK
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a dict'
  return typeof value === 'string' && value.includes('://') ? safeUrl(value) : showValue(value)
}

const SECRET = /(?:key|key_id|token)$/
const MASK = '***'
