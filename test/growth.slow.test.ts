import { describe, expect, test } from 'vitest'
import { openEnvelope } from '../src/brokers/sqs/messages/envelope.ts'
import { decodeJson } from '../src/codecs/json/json.ts'
import { repr } from '../src/codecs/python/python-repr.ts'
import { decodeYaml } from '../src/codecs/yaml/yaml.ts'
import { logLine } from '../src/config/logging/log-line.ts'
import { loggedError } from '../src/config/logging/logged-error.ts'
import { maskText } from '../src/config/masking.ts'
import { readPythonLiteral } from '../src/config/python-literal/python-literal.ts'
import { parseDefinition } from '../src/definitions/parse.ts'
import { readFlow } from '../src/flows/files/flow-file.ts'
import { errorText } from '../src/monitor/events/error-text.ts'
import { isAddressedTo } from '../src/protocol/control/control-address.ts'
import { identify } from '../src/protocol/describe-message.ts'
import { showValue } from '../src/protocol/show-value.ts'
import { parseIso } from '../src/protocol/times.ts'
import { substituted } from '../src/recipes/recipe/substitute.ts'
import { safeUrl } from '../src/safe-url.ts'

/** Texts that have made patterns go back and forth. */
const UNITS = [
  'a',
  'QUJDREVG',
  `${'a'.repeat(60)} `,
  'a://b:',
  'a://',
  '://',
  ' ',
  'password ',
  'password=',
  '=',
  '@',
  '"',
  '\\',
  'a.',
  '(',
  ',',
  "Error('",
  '*',
  '?',
  '[',
  '1',
  '\n',
]

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  maskText,
  safeUrl,
  'an error in the log': (text) => loggedError(new Error(text)),
  'a line in the log': (text) =>
    logLine(JSON.stringify({ level: 'info', msg: text, field: text }), false),
  'an error in an event': (text) => errorText(text, text),
  'a traceback that names its error': (text) => errorText('ExceptionWithTraceback()', text),
  'a glob of remote control': (text) =>
    isAddressedTo({ destination: null, pattern: text, matcher: 'glob' }, text.slice(0, 255)),
  'an expression of remote control': (text) =>
    isAddressedTo({ destination: null, pattern: text, matcher: 'pcre' }, text.slice(0, 255)),
  'a value in an error': (text) => showValue({ [text]: text, list: [text] }),
  'a repr': (text) => repr({ [text]: [text] }),
  'an id': (text) =>
    identify({ headers: { id: text, task: text }, properties: {}, body: Buffer.from(text) }),
  'a time': (text) => parseIso(text),
  JSON: (text) => decodeJson(`["${text.replace(/["\\\n]/g, '_')}"]`),
  'broken JSON': (text) => decodeJson(text),
  'a value of a recipe': (text) =>
    substituted({ [text]: `{${text}}`, list: [text] }, { a: text, [text]: text }),
  'a file of definitions': (text) => parseDefinition(text, 'here', { maxLength: 2_000_000 }),
  'a file of YAML': (text) => decodeYaml(`a: ${text}`),
  'a flow': (text) => readFlow(text),
  'a message of SQS': (text) => openEnvelope(text, 'queue'),
  'a body of SQS': (text) =>
    openEnvelope(
      JSON.stringify({ body: text, headers: { [text]: text }, properties: { delivery_tag: text } }),
      'queue',
    ),
  'a literal of Python': (text) => readPythonLiteral(text),
  'a text of Python': (text) => readPythonLiteral(`'${text}'`),
}

const SHORT = 100_000
/** The first two make the code warm. */
const LENGTHS = [1_000, 10_000, SHORT, 1_000_000]
/** Times below are noise. */
const NOISE_MS = 2

describe.each(Object.entries(READERS))('the time for %s', (_, read) => {
  test.each(UNITS)('grows with the length of a text of %j, not faster', (unit) => {
    // Ten times the text: a quadratic reader takes a hundred times as long. One long measure may hold a garbage collection, a
    // quadratic reader is slow every time.
    const isLinear = ({ short, long }: Times) => long < 30 * Math.max(short, NOISE_MS)
    const measures: Times[] = []
    while (measures.length < 4 && !measures.some(isLinear)) measures.push(timesOf(read, unit))
    expect(measures.some(isLinear), JSON.stringify(measures)).toBe(true)
  })
})

test('forty stars in a glob cost no more than one', () => {
  const pattern = `${'*a'.repeat(40)}*b`
  const command = { destination: null, pattern, matcher: 'glob' as const }
  const startedAt = process.cpuUsage()
  expect(isAddressedTo(command, 'a'.repeat(250))).toBe(false)
  expect(process.cpuUsage(startedAt).user / 1000).toBeLessThan(200)
})

test('an expression that would take for ever is ended, and addresses no worker', () => {
  const command = { destination: null, pattern: '(a+)+$', matcher: 'pcre' as const }
  expect(isAddressedTo(command, `${'a'.repeat(60)}b`)).toBe(false)
})

test.each([
  ['w*@host', 'w1@host', true],
  ['w?@h*', 'w1@host', true],
  ['[a-w]1@host', 'w1@host', true],
  ['[!a-v]1@host', 'w1@host', true],
  ['[z-a]1@host', 'w1@host', false],
  ['*host', 'w1@hosts', false],
  ['**', '', true],
])('the glob %s and the name %s: %s', (pattern, name, isMeant) => {
  expect(isAddressedTo({ destination: null, pattern, matcher: 'glob' }, name)).toBe(isMeant)
})

/** What a text takes, and one of a tenth of its length: the least of three, as the first runs of new code are slow. */
interface Times {
  readonly short: number
  readonly long: number
}

function timesOf(read: (text: string) => unknown, unit: string): Times {
  const [short = 0, long = 0] = LENGTHS.map((length) =>
    cpuMsOf(read, unit.repeat(length / unit.length)),
  ).slice(-2)
  const text = unit.repeat(SHORT / unit.length)
  return { long, short: Math.min(short, cpuMsOf(read, text), cpuMsOf(read, text)) }
}

function cpuMsOf(read: (text: string) => unknown, text: string): number {
  const startedAt = process.cpuUsage()
  try {
    read(text)
  } catch {
    // A refusal is an answer, too.
  }
  const { user, system } = process.cpuUsage(startedAt)
  return (user + system) / 1000
}
