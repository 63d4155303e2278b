import { basename, parse } from 'node:path'
import { maskText } from '../../config/masking.ts'
import { textOf } from '../../text-of-error.ts'
import { levelName } from './levels.ts'
import type { LogRecord } from './log-record.ts'

/** A formatter block of Python's dictConfig. */
interface FormatBlock {
  readonly format?: string
  readonly datefmt?: string
  readonly style?: string
}

export type LineOf = (record: LogRecord) => string

const DEFAULT = '%(message)s'

/** Lines as Python's logging.Formatter writes them, errors with their stack below. */
export function lineFormat({ format = DEFAULT, datefmt, style = '%' }: FormatBlock): LineOf {
  return (record) => {
    const value = (name: string): unknown => attributeOf(record, name, datefmt)
    return `${filled(format, style, value)}${failureBelow(record.fields)}`
  }
}

function filled(format: string, style: string, value: (name: string) => unknown): string {
  switch (style) {
    case '{':
      return format.replace(
        /\{\{|\}\}|\{(\w+)(?:![rs])?(?::([<>^]?)(\d*)\w?)?\}/g,
        (all, name, align, width) => {
          if (name === undefined) return all[0] ?? ''
          return padded(fieldText(value(name)), Number(width || 0), align === '>')
        },
      )
    case '$':
      return format.replace(/\$\$|\$\{(\w+)\}|\$(\w+)/g, (_all, braced, bare) =>
        braced === undefined && bare === undefined ? '$' : fieldText(value(braced ?? bare)),
      )
    default:
      return format.replace(
        /%%|%\((\w+)\)([-0]?)(\d*)(?:\.(\d+))?([sdifr])/g,
        (_all, name, ...[flag, width, digits, type]) => {
          if (name === undefined) return '%'
          const given = value(name)
          const text =
            type === 'f' ? Number(given).toFixed(Number(digits ?? 6)) : wholeOf(given, type)
          return flag === '0'
            ? text.padStart(Number(width), '0')
            : padded(text, Number(width || 0), flag !== '-')
        },
      )
  }
}

function wholeOf(value: unknown, type: string): string {
  return type === 'd' || type === 'i' ? String(Math.trunc(Number(value))) : fieldText(value)
}

function padded(text: string, width: number, isRight: boolean): string {
  const wide = Math.min(width, 1000)
  return isRight ? text.padStart(wide) : text.padEnd(wide)
}

/** The attributes of a LogRecord; any other name is a field of the record. */
function attributeOf(record: LogRecord, name: string, datefmt: string | undefined): unknown {
  const { logger, level, sentence, time, fields, extra } = record
  const script = process.argv[1] ?? ''
  switch (name) {
    case 'message':
    case 'msg':
      return `${sentence}${shownFields(fields)}`
    case 'name':
      return logger
    case 'levelno':
      return level
    case 'levelname':
      return levelName(level)
    case 'asctime':
      return datefmt === undefined ? asctime(time) : strftime(time, datefmt)
    case 'created':
      return time.getTime() / 1000
    case 'msecs':
      return time.getMilliseconds()
    case 'process':
      return process.pid
    case 'processName':
      return 'MainProcess'
    case 'threadName':
      return 'MainThread'
    case 'pathname':
      return script
    case 'filename':
      return basename(script)
    case 'module':
      return parse(script).name
    default:
      return fields[name] ?? extra[name]
  }
}

/** The stack of an error, on the lines below. */
export function failureBelow({ err }: LogRecord['fields']): string {
  return err instanceof Error ? `\n${err.stack ?? err.message}` : ''
}

/** What a sentence leaves to its fields would else be missing in a line. */
export function shownFields(fields: LogRecord['fields']): string {
  const { err, ...others } = fields
  const shown = Object.entries(others).map(([key, value]) => ` ${key}=${fieldText(value)}`)
  return (
    shown.join('') + (err === undefined || err instanceof Error ? '' : ` err=${fieldText(err)}`)
  )
}

const LONGEST_FIELD = 2000

/** A value in a line: JSON where it is no text, and not without end. */
function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : jsonOf(value)
  return maskText(text.length > LONGEST_FIELD ? `${text.slice(0, LONGEST_FIELD)}…` : text)
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? textOf(value)
  } catch {
    return textOf(value) // a circle, or a bigint
  }
}

const two = (number: number): string => String(number).padStart(2, '0')

function asctime(time: Date): string {
  return `${strftime(time, '%Y-%m-%d %H:%M:%S')},${String(time.getMilliseconds()).padStart(3, '0')}`
}

/** The directives of C's strftime that dates in logs have; others stay as written. */
function strftime(time: Date, format: string): string {
  const short = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en', options).format(time)
  const parts: Readonly<Record<string, () => string>> = {
    Y: () => String(time.getFullYear()),
    y: () => two(time.getFullYear() % 100),
    m: () => two(time.getMonth() + 1),
    d: () => two(time.getDate()),
    H: () => two(time.getHours()),
    I: () => two(time.getHours() % 12 || 12),
    p: () => (time.getHours() < 12 ? 'AM' : 'PM'),
    M: () => two(time.getMinutes()),
    S: () => two(time.getSeconds()),
    f: () => `${String(time.getMilliseconds()).padStart(3, '0')}000`,
    a: () => short({ weekday: 'short' }),
    A: () => short({ weekday: 'long' }),
    b: () => short({ month: 'short' }),
    B: () => short({ month: 'long' }),
    z: () => zoneOf(time),
    '%': () => '%',
  }
  return format.replace(/%([A-Za-z%])/g, (all, name: string) => parts[name]?.() ?? all)
}

function zoneOf(time: Date): string {
  const minutes = -time.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`
}
