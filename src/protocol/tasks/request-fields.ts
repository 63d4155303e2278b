import { DateTime } from '../../codecs/values.ts'
import type { ProtocolError } from '../../errors.ts'
import { asNumber, invalidField, isRecord, type Source } from '../field-readers.ts'
import { parseIso, toIso } from '../times.ts'

type TimeLimits = readonly [hard: number | null, soft: number | null]

const NO_LIMITS: TimeLimits = [null, null]
const NO_STAMPS: Readonly<Record<string, unknown>> = {}

/** eta or expires: kept as the text it is, once it is sure that it can be read. */
export function readTime(source: Source, field: 'eta' | 'expires'): string | null {
  const value = source[field]
  if (value === null || value === undefined) return null
  if (value instanceof DateTime) return toIso(value)
  if (typeof value !== 'string') throw invalidField(field, value, TIME)
  try {
    parseIso(value)
  } catch (cause) {
    throw invalidField(field, value, TIME, cause)
  }
  return value
}

/** `timelimit`: two numbers or nulls; an object that names them is understood too. */
export function readTimeLimits({ timelimit }: Source): TimeLimits {
  if (timelimit === null || timelimit === undefined) return NO_LIMITS
  if (Array.isArray(timelimit) && timelimit.length === 2) {
    return [readLimit(timelimit, timelimit[0]), readLimit(timelimit, timelimit[1])]
  }
  if (isRecord(timelimit) && 'hard' in timelimit && 'soft' in timelimit) {
    return [readLimit(timelimit, timelimit.hard), readLimit(timelimit, timelimit.soft)]
  }
  throw invalidField('timelimit', timelimit, TIME_LIMITS)
}

export function readStampedHeaders({ stamped_headers: names }: Source): readonly string[] | null {
  if (names === null || names === undefined) return null
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw invalidField('stamped_headers', names, 'a list of names, or null')
}

export function readStamps({ stamps }: Source): Readonly<Record<string, unknown>> {
  if (stamps === null || stamps === undefined) return NO_STAMPS
  if (isRecord(stamps)) return stamps
  throw invalidField('stamps', stamps, 'an object, or null')
}

interface ArgsReading {
  readonly args: readonly unknown[]
  /** Python fails the task when its arguments are no sequence. */
  readonly argsFault?: ProtocolError
}

/** Python spreads what it is given: a text into its characters, an object into its keys. */
export function readArgs(args: unknown): ArgsReading {
  if (Array.isArray(args)) return { args }
  if (typeof args === 'string') return { args: [...args] }
  if (isRecord(args)) return { args: Object.keys(args) }
  return { args: [], argsFault: invalidField('args', args, 'a list') }
}

export function readKwargs(kwargs: unknown): Source {
  if (isRecord(kwargs)) return kwargs
  throw invalidField('kwargs', kwargs, 'an object')
}

function readLimit(timelimit: unknown, value: unknown): number | null {
  if (value === null || value === undefined) return null
  const seconds = typeof value === 'string' ? null : asNumber(value)
  if (seconds === null) throw invalidField('timelimit', timelimit, TIME_LIMITS)
  return seconds
}

const TIME = 'an ISO 8601 text such as "2031-02-03T04:05:06+00:00", or null'
const TIME_LIMITS = '[hard, soft], each of them seconds or null'
