import { Transform } from 'node:stream'
import { harmlessText } from '../../codecs/python/python-text.ts'
import { printed } from '../printed.ts'

const NAMES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['debug', 'DEBUG'],
  ['info', 'INFO'],
  ['warn', 'WARNING'],
  ['error', 'ERROR'],
  ['fatal', 'CRITICAL'],
])
const COLOURS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['debug', '34'],
  ['warn', '33'],
  ['error', '31'],
  ['fatal', '35'],
])
const OWN: readonly string[] = ['level', 'time', 'msg', 'err', 'pid', 'hostname', 'name']

/** Turns pino's JSON lines into lines for people: `[time: LEVEL] sentence field=value`. */
export function logLines(options: { readonly isColoured: boolean }): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = chunk
        .toString()
        .split('\n')
        .filter((line) => line !== '')
      done(null, lines.map((line) => `${logLine(line, options.isColoured)}\n`).join(''))
    },
  })
}

export function logLine(json: string, isColoured: boolean): string {
  const entry = parse(json)
  if (entry === undefined) return json
  const fields = Object.entries(entry)
    // An expected error is logged in a line, without its stack.
    .filter(([name, value]) => !OWN.includes(name) || (name === 'err' && typeof value === 'string'))
    .map(([name, value]) => ` ${name}=${fieldText(value)}`)
  const level = NAMES.get(entry.level) ?? String(entry.level)
  const line = `[${String(entry.time)}: ${level}] ${String(entry.msg ?? '')}${fields.join('')}`
  const text = harmlessText(line + stackOf(entry.err))
  return paint(text, isColoured ? COLOURS.get(entry.level) : undefined)
}

function parse(json: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(json)
  } catch {
    // Something else wrote to the log; it is shown as it is.
    return undefined
  }
}

function fieldText(value: unknown): string {
  return typeof value === 'string' && /^[^\s='"\p{C}]+$/u.test(value) ? value : printed(value)
}

function stackOf(error: unknown): string {
  const stack =
    typeof error === 'object' && error !== null && 'stack' in error ? error.stack : undefined
  return typeof stack === 'string' ? `\n${stack}` : ''
}

function paint(line: string, colour: string | undefined): string {
  return colour === undefined ? line : `\u001B[${colour}m${line}\u001B[0m`
}
