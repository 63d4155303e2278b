import { isRecord } from '../../protocol/field-readers.ts'
import { type Dict, unfit, type ValueType } from './value-types.ts'

/** As codecs/ knows them; a test compares both. */
const SERIALIZERS: readonly string[] = ['json', 'yaml', 'msgpack', 'pickle', 'raw']
const COMPRESSIONS: readonly string[] = [
  ...['gzip', 'zlib', 'application/x-gzip'],
  ...['brotli', 'application/x-brotli'],
  ...['lzma', 'xz', 'application/x-lzma'],
  ...['zstd', 'zstandard', 'application/zstd'],
]

export const serializerName: ValueType<string> = {
  name: 'json, yaml, msgpack, pickle or raw',
  environmentText: 'raw',
  read: (value) => (typeof value === 'string' && SERIALIZERS.includes(value) ? value : unfit),
}

export const compressionName: ValueType<string> = {
  name: 'gzip, zlib, brotli, lzma, zstd or a content type of these',
  environmentText: 'raw',
  read: (value) => (typeof value === 'string' && COMPRESSIONS.includes(value) ? value : unfit),
}

/** As in Celery, a name has to be known, and a content type may be any. */
export const contentTypes: ValueType<readonly string[], Iterable<string>> = {
  name: 'a list of serializers (json, yaml, msgpack, pickle, raw) or content types',
  environmentText: 'literal',
  read: (value) => {
    const items = value instanceof Set ? [...value] : value
    return Array.isArray(items) && items.every(isContentType) ? items : unfit
  },
}

function isContentType(item: unknown): item is string {
  return typeof item === 'string' && (item.includes('/') || SERIALIZERS.includes(item))
}

const RATE = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:\/[smh])?$/i

/** Celery's form of a rate limit; empty text and 0 are none. */
export const rateLimit: ValueType<string | number> = {
  name: 'a rate such as 10/m, or a number per second',
  environmentText: 'literal or raw',
  read: (value) => {
    if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : unfit
    return typeof value === 'string' && (value === '' || RATE.test(value)) ? value : unfit
  },
}

/** What changes the attributes of tasks: dicts by name, or objects that answer for a task. */
export const annotations: ValueType<unknown> = {
  name: 'a dict of dicts by task name, an object with annotate(task), or a list of such',
  environmentText: 'literal',
  read: (value) => ((Array.isArray(value) ? value : [value]).every(isAnnotation) ? value : unfit),
}

function isAnnotation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { annotate, annotateAny } = value as Dict
  const answers = typeof annotate === 'function' || typeof annotateAny === 'function'
  return answers || (isRecord(value) && Object.values(value).every(isRecord))
}

const POLICY: Readonly<Record<string, (value: unknown) => boolean>> = {
  max_retries: (value) => value === null || isNumber(value),
  interval_start: isNumber,
  interval_step: isNumber,
  interval_max: isNumber,
  retry_errors: (value) => value === null || Array.isArray(value),
}

/** As Celery's publishing takes it: any other key is an error there, too. */
export const retryPolicy: ValueType<Dict> = {
  name: 'a dict with numbers for max_retries (or None), interval_start, interval_step and interval_max',
  environmentText: 'literal',
  read: (value) => {
    if (!isRecord(value)) return unfit
    const fits = Object.entries(value).every(([key, each]) => POLICY[key]?.(each) ?? false)
    return fits ? value : unfit
  },
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value)
}
