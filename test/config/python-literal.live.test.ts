import { execFileSync } from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPythonLiteral } from '../../src/config/python-literal/python-literal.ts'
import { anyCharacter } from '../support/any-character.ts'

/** Reads each line's text as Python does; prints its value as JSON that tells the types apart, or null. */
const PYTHON = `
import ast, json, sys, warnings
warnings.simplefilter('ignore')
def plain(v):
    if v is None or isinstance(v, (bool, str)): return v
    if isinstance(v, int): return {'number': str(v)} if abs(v) < 2**53 else {'bigint': str(v)}
    if isinstance(v, float) and v in (float('inf'), float('-inf')): return {'number': repr(v)}
    if isinstance(v, float): return {'number': str(int(v)) if v == int(v) and abs(v) < 2**53 else repr(v)}
    if isinstance(v, bytes): return {'bytes': list(v)}
    if isinstance(v, (list, tuple)): return [plain(i) for i in v]
    if isinstance(v, set): return {'set': len(v)}
    if isinstance(v, dict): return {'dict': {json.dumps(plain(k), ensure_ascii=False, separators=(',', ':')): plain(i) for k, i in v.items()}}
    raise ValueError
out = []
for text in json.load(sys.stdin):
    try: out.append({'value': plain(ast.literal_eval(text))})
    except Exception: out.append(None)
print(json.dumps(out))
`

test('whatever Python reads as a literal is read as the same value, and nothing else is', () => {
  const texts = [...fc.sample(literals(), 3000), ...fc.sample(garbled(), 6000)].filter(isPossible)
  const python: ({ value: unknown } | null)[] = JSON.parse(
    execFileSync('python3', ['-c', PYTHON], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    }),
  )
  expect(python.filter((one) => one !== null).length).toBeGreaterThan(2000)
  const differences = texts.flatMap((text, index) => {
    const theirs = python[index] ?? null
    const ours = ourValue(text)
    return isDeepStrictEqual(ours, theirs) ? [] : [{ text, ours, theirs }]
  })
  expect(differences).toEqual([])
})

/** The environment cannot hold half a surrogate pair; blanks before a first line that Python calls unexpected, we skip. */
function isPossible(text: string): boolean {
  return !/\p{Surrogate}/u.test(text) && !/^\s*\n[ \t]/.test(text)
}

/** Literals as people and Python write them. */
function literals(): fc.Arbitrary<string> {
  return fc.letrec<{ value: string; atom: string }>((tie) => ({
    atom: fc.oneof(
      fc.constantFrom(
        'None',
        'True',
        'False',
        '()',
        '[]',
        '{}',
        'set()',
        '0x_ff',
        '0b10',
        '0o7',
        '1_0',
        '01.5',
        '.5e-3',
        '5.',
        '-0',
        '+ 7',
      ),
      fc.integer().map(String),
      fc.bigInt().map(String),
      fc.constantFrom(0.1, 1e22, -2.5, 5e-324, 1.7976931348623157e308).map(String),
      fc
        .tuple(fc.constantFrom('', 'u', 'r', 'R'), fc.string())
        .map(([prefix, text]) => `${prefix}'${text.replace(/['\\\n\r]/g, '')}'`),
      fc.string({ unit: anyCharacter }).map((text) => JSON.stringify(text).replaceAll('\\/', '/')),
      fc.constantFrom(
        String.raw`b'\xff\0a'`,
        String.raw`rb"\x"`,
        String.raw`'\x41\u00e9\q\8'`,
        "'a' 'b'",
        "'''a\n'b'''",
        String.raw`"\777\1"`,
      ),
    ),
    value: fc.oneof(
      { maxDepth: 3 },
      tie('atom'),
      fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc
        .array(tie('value'), { minLength: 1, maxLength: 3 })
        .map((items) => `(${items.join(' ,')},)`),
      fc
        .array(
          fc.tuple(
            fc.string().map((key) => JSON.stringify(key)),
            tie('value'),
          ),
          { maxLength: 3 },
        )
        .map((pairs) => `{${pairs.map(([key, value]) => `${key}:${value}`).join(' ,\n')}}`),
    ),
  })).value
}

/** Literals with a piece cut out or put in; most are no literals any more. */
function garbled(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    '',
    ',',
    '(',
    ')',
    ']',
    "'",
    '"',
    '\\',
    ':',
    '1',
    '_',
    '.',
    'e',
    ' ',
    '\n',
    '-',
    '#',
    '0',
  )
  return fc
    .tuple(literals(), fc.nat(), fc.nat({ max: 2 }), piece)
    .map(([text, at, length, put]) => {
      const from = text.length === 0 ? 0 : at % text.length
      return text.slice(0, from) + put + text.slice(from + length)
    })
}

function ourValue(text: string): { value: unknown } | null {
  // These words are JSON's: Python has none of them.
  if (/\b(?:true|false|null)\b/.test(text.replace(/'[^']*'|"[^"]*"/g, ''))) return null
  try {
    return { value: plain(readPythonLiteral(text)) }
  } catch {
    // As in Python's half, the mistake itself is not compared.
    return null
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) }
  if (typeof value === 'number') return { number: pythonNumber(value) }
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Set) return { set: value.size }
  if (value instanceof Map) return dictOf([...value])
  if (typeof value !== 'object' || value === null) return value
  return dictOf(Object.entries(value))
}

function dictOf(pairs: readonly [unknown, unknown][]): unknown {
  const plainPairs = pairs.map(([key, item]) => [JSON.stringify(plain(key)), plain(item)])
  return { dict: Object.fromEntries(plainPairs) }
}

/** A number as Python's repr writes it. */
function pythonNumber(value: number): string {
  if (Object.is(value, -0)) return '0'
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 53) return String(value)
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const [digits = '', exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 16) return Number.isInteger(value) ? `${value}.0` : plainDecimal(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

function plainDecimal(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(20).replace(/0+$/, '') : text
}
