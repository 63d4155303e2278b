import { MAX_DIGITS } from '../limits.ts'
import { exactInteger, floatText, isWholeNumber } from '../numbers.ts'
import { DateTime, LocalDate } from '../values.ts'

/** What a plain word means to PyYAML (YAML 1.1): the tag's short name, which words have it, and their value. */
interface ScalarType {
  readonly tag: string
  readonly test: RegExp
  readonly read: (text: string) => unknown
}

const BOOL = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/
const INT = /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][\d_]*|0x[\da-fA-F_]+|[1-9][\d_]*(?::[0-5]?\d)+)$/
const FLOAT =
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|[-+]\d\d?(?::\d\d)?))?)?$/

export const SCALAR_TYPES: readonly ScalarType[] = [
  { tag: 'null', test: /^(?:~|null|Null|NULL|)$/, read: () => null },
  { tag: 'bool', test: BOOL, read: (text) => /^(?:y|t|on)/i.test(text) },
  { tag: 'int', test: INT, read: readInt },
  { tag: 'float', test: FLOAT, read: readFloat },
  { tag: 'timestamp', test: TIMESTAMP, read: readTimestamp },
]

/** Text as it stands where YAML reads it back as text, else in quotes. */
export function yamlText(text: string): string {
  if (!PRINTABLE.test(text)) return doubleQuoted(text)
  return isPlain(text) ? text : `'${text.replaceAll("'", "''")}'`
}

const PRINTABLE = /^[ -~]*$/
const OPENS_OTHERWISE = /^(?:[#,[\]{}&*!|>'"%@`]|[-?:](?: |$)|---|\.\.\.| )/
const ENDS_PLAIN = /: | #|:$| $/

function isPlain(text: string): boolean {
  return (
    text !== '' && !OPENS_OTHERWISE.test(text) && !ENDS_PLAIN.test(text) && !isSpecialWord(text)
  )
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
}

function doubleQuoted(text: string): string {
  return `"${text.replace(/["\\]|[^ -~]/gu, escaped)}"`
}

function escaped(character: string): string {
  const short = SHORT_ESCAPES[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16).toUpperCase()
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x1_0000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

/** Whether PyYAML would read the word as something else than text. */
function isSpecialWord(text: string): boolean {
  return text === '=' || text === '<<' || SCALAR_TYPES.some((type) => type.test.test(text))
}

/** Numbers as PyYAML writes them: 1.0, 1.0e+16, .inf. */
export function yamlNumber(value: number): string {
  return isWholeNumber(value) ? String(value) : yamlFloat(value)
}

export function yamlFloat(value: number): string {
  const text = floatText(value)
  if (!Number.isFinite(value)) return text.replace('inf', '.inf').replace('nan', '.nan')
  return text.includes('.') ? text : text.replace('e', '.0e')
}

function readInt(text: string): number | bigint {
  if (text.length > MAX_DIGITS)
    throw new Error(`expected an integer of at most ${MAX_DIGITS} digits`)
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '')
  const size = digits.includes(':')
    ? sexagesimal(digits)
    : BigInt(digits.replace(/^0(?=[0-7]+$)/, '0o'))
  return exactInteger(text.startsWith('-') ? -size : size)
}

function sexagesimal(digits: string): bigint {
  return digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
}

function readFloat(text: string): number {
  const digits = text.replaceAll('_', '').toLowerCase().replace(/^[-+]/, '')
  const sign = text.startsWith('-') ? -1 : 1
  if (digits === '.nan') return Number.NaN
  if (digits === '.inf') return sign * Number.POSITIVE_INFINITY
  return sign * digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}

function readTimestamp(text: string): DateTime | LocalDate {
  const [, year = '', month = '', day = '', hour, minute, second, fraction = '', zone] =
    TIMESTAMP.exec(text) ?? []
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  if (hour === undefined) return new LocalDate(date)
  const micros = fraction.slice(0, 6).padEnd(6, '0')
  const time = `${hour.padStart(2, '0')}:${minute}:${second}${Number(micros) === 0 ? '' : `.${micros}`}`
  return new DateTime(`${date}T${time}${zoneText(zone)}`)
}

function zoneText(zone: string | undefined): string {
  if (zone === undefined) return ''
  if (zone === 'Z') return '+00:00'
  const [hours = '', minutes = '00'] = zone.slice(1).split(':')
  return `${zone[0]}${hours.padStart(2, '0')}:${minutes}`
}
