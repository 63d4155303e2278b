import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { deflateSync } from 'node:zlib'
import { levelName } from './levels.ts'
import type { LogRecord } from './log-record.ts'

const CHUNK_BYTES = 1420
const MOST_CHUNKS = 128
/** Of one field, so that a record fits into its datagrams. */
const LONGEST_TEXT = 100_000

/** A record in Graylog's format, with the fields that Python's graypy gives it. */
export function gelfText(record: LogRecord): string {
  const { err, ...fields } = record.fields
  const all = { ...fields, ...record.extra }
  const text = JSON.stringify(
    {
      version: '1.0',
      host: hostname(),
      short_message: record.sentence,
      timestamp: record.time.getTime() / 1000,
      level: syslogLevel(record.level),
      facility: record.logger,
      ...(err !== undefined && { full_message: failureText(err) }),
      level_name: levelName(record.level),
      ...originOf(err),
      _pid: process.pid,
      _thread_name: 'MainThread',
      _process_name: 'MainProcess',
      _stack_info: null,
      ...Object.fromEntries(Object.entries(all).map(([name, value]) => [`_${name}`, value])),
    },
    plain(),
  )
  return text.replace(/[\u007f-\uffff]/g, escaped)
}

/** What goes over UDP: compressed, and in pieces where it is longer than one. Null where even those are not enough. */
export function gelfDatagrams(text: string): readonly Uint8Array[] | null {
  const packed = deflateSync(text)
  if (packed.length <= CHUNK_BYTES) return [packed]
  const count = Math.ceil(packed.length / CHUNK_BYTES)
  if (count > MOST_CHUNKS) return null
  const id = randomBytes(8)
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      Buffer.from([0x1e, 0x0f]),
      id,
      Buffer.from([index, count]),
      packed.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
    ]),
  )
}

/** Python's numbers in those of syslog. */
export function syslogLevel(level: number): number {
  const bounds = [20, 25, 30, 40, 50, 60]
  return 7 - bounds.filter((bound) => level >= bound).length
}

interface Origin {
  readonly file: string
  readonly line: number
  readonly _function: string
}

/** The place of an error, or of the call that logged. */
function originOf(err: unknown): Origin {
  const stack = err instanceof Error ? err.stack : new Error('here').stack
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const frame = frames.find((line) => !isOfTheLog(line)) ?? ''
  const [, name = '<anonymous>', place = frame] =
    /^\s+at (?:async )?(\S+(?: \[as \w+\])?) \((.*)\)$/.exec(frame) ??
    /^\s+at ()(.*)$/.exec(frame) ??
    []
  const [, file = '', line = '0'] = /^(?:file:\/\/)?(.*):(\d+):\d+$/.exec(place) ?? []
  return { file, line: Number(line), _function: name === '' ? '<module>' : name }
}

function isOfTheLog(line: string): boolean {
  return /[/\\]recipes[/\\](?:log[/\\]|site[/\\]logging-setup\.|service[/\\]log-context\.)/.test(
    line,
  )
}

function failureText(err: unknown): string {
  return (err instanceof Error ? (err.stack ?? err.message) : String(err)).slice(0, LONGEST_TEXT)
}

/** What JSON cannot hold, as text; a circle is cut. */
function plain(): (this: unknown, key: string, value: unknown) => unknown {
  const above: object[] = []
  return function (this: unknown, _key, value) {
    if (typeof value !== 'object' || value === null) return plainScalar(value)
    while (above.length > 0 && above.at(-1) !== this) above.pop()
    if (above.includes(value)) return '[circular]'
    above.push(value)
    if (value instanceof Error) return failureText(value)
    return value instanceof Map ? Object.fromEntries(value) : value
  }
}

function plainScalar(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : value
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
