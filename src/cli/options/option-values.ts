import { constants } from 'node:os'
import { InvalidArgumentError } from 'commander'
import { decodeJson } from '../../codecs/json/json.ts'
import { type LogLevel, logLevel } from '../../config/logging/log-level.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { textOfError } from '../../text-of-error.ts'
import { timeSpanMs } from '../../time-span.ts'
import type { AutoscaleBounds } from '../../worker/pools/autoscale.ts'

// How the texts of the command line become values. Commander puts the option's name before what these throw.

export function positiveInteger(text: string): number {
  return integerFrom(text, 1)
}

export function count(text: string): number {
  return integerFrom(text, 0)
}

/** `max,min`, or the maximum alone, as Celery takes them. */
export function autoscale(text: string): AutoscaleBounds {
  const [max, min = '1', ...more] = text.split(',')
  if (more.length > 0) throw new InvalidArgumentError('Expected max,min, such as 8,2.')
  const bounds = { max: integerFrom(max ?? '', 1), min: integerFrom(min, 1) }
  if (bounds.min <= bounds.max) return bounds
  throw new InvalidArgumentError('Expected max,min with a min that is at most max, such as 8,2.')
}

export function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('Expected seconds, such as 1.5.')
}

export function names(text: string): readonly string[] {
  const list = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (list.length > 0) return [...new Set(list)]
  throw new InvalidArgumentError('Expected names, separated by commas.')
}

export function level(text: string): LogLevel {
  const { value } = attempt(() => logLevel(text))
  if (value !== undefined) return value
  throw new InvalidArgumentError('Expected debug, info, warning, error or critical.')
}

export function jsonList(text: string): readonly unknown[] {
  const value = json(text)
  if (Array.isArray(value)) return value
  throw new InvalidArgumentError('Expected a JSON list, such as [1, "two"].')
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  const value = json(text)
  if (isRecord(value)) return value
  throw new InvalidArgumentError('Expected a JSON object, such as {"x": 1}.')
}

/** An ISO 8601 time; without an offset it is UTC, as Celery reads it. */
export function isoTime(text: string): Date {
  const hasTime = /\d[T ]\d/.test(text)
  const hasOffset = /(?:[zZ]|[+-]\d\d:?\d\d)$/.test(text)
  const time = new Date(hasTime && !hasOffset ? `${text.replace(' ', 'T')}Z` : text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError('Expected an ISO 8601 time, such as 2030-01-31T12:00:00Z.')
}

/** Seconds from now, or a time, as Celery's --expires. */
export function secondsOrTime(text: string): number | Date {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : isoTime(text)
}

/** A signal as Python's workers know it: an unknown name would end nothing, and the caller would not learn of it. */
export function signalName(text: string): string {
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG')
  if (Object.hasOwn(constants.signals, name)) return name
  throw new InvalidArgumentError('Expected the name of a signal, such as SIGTERM or SIGKILL.')
}

/** One `name=value`; repeated, they gather. */
export function header(
  text: string,
  gathered: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected name=value.')
  return Object.fromEntries([...Object.entries(gathered), [text.slice(0, at), text.slice(at + 1)]])
}

/** How many a second, as a number: "5", "5/s", "30/m", "100/h". */
export function perSecond(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/.exec(text.trim())
  const rate = Number(match?.[1]) / (SECONDS_OF[match?.[2] ?? 's'] ?? 1)
  if (rate > 0) return rate
  throw new InvalidArgumentError('Expected a rate such as 5, 5/s, 30/m or 100/h.')
}

const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** A span back from now ("2h"), or a time. */
export function since(text: string): Date {
  const span = timeSpanMs(text)
  if (span !== undefined) return new Date(Date.now() - span)
  if (/^\d{4}-\d\d-\d\d/.test(text)) return isoTime(text)
  throw new InvalidArgumentError('Expected a span such as 30m, 2h or 7d, or a time.')
}

function integerFrom(text: string, least: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new InvalidArgumentError(`Expected a whole number, ${least} or more.`)
}

function json(text: string): unknown {
  const { value, problem } = attempt(() => decodeJson(text, { keepFloats: true }))
  if (problem === undefined) return value
  throw new InvalidArgumentError(`Expected JSON; ${problem}.`)
}

/** Commander's error takes no cause, so the words of the first one go along. */
function attempt<T>(read: () => T): { readonly value?: T; readonly problem?: string } {
  try {
    return { value: read() }
  } catch (error) {
    return { problem: textOfError(error) }
  }
}
