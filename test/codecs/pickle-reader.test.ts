import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { DateTime, Decimal, LocalDate, PythonObject, Tuple, Uuid } from '../../src/codecs/values.ts'
import { ProtocolError } from '../../src/errors.ts'
import { recordedMessage, recordedPickles, vector } from './vectors.ts'

/** A pickle written as Python would show it: characters and \x escapes. */
function pickle(text: string): unknown {
  return readPickle(Buffer.from(text, 'latin1'))
}

function column(name: string): unknown {
  return readPickle(Buffer.from(vector(name).row.result.bytea_hex, 'hex'))
}

describe('what Celery stored', () => {
  test.each(recordedPickles())('%s is read', (_, bytes) => {
    expect(readPickle(bytes)).toBeDefined()
  })

  test('plain data', () => {
    expect(column('db-success-int')).toBe(5)
    expect(column('db-success-dict')).toStrictEqual({
      args: [1, 'é'],
      kwargs: { k: [1.5, null, true] },
    })
  })

  test('values that JSON lacks', () => {
    expect(column('db-success-typed')).toStrictEqual({
      dt: new DateTime('2020-01-02T03:04:05.000006+00:00'),
      date: new LocalDate('2020-01-02'),
      dec: new Decimal('1.50'),
      uuid: new Uuid('12345678123456781234567812345678'),
      bytes: Buffer.from([0, 255]),
      big: 2n ** 70n,
      neg: -(2 ** 33),
      f: 1e100,
    })
  })

  test('a failure is a dict with a tuple of arguments', () => {
    expect(column('db-failure-custom')).toStrictEqual({
      exc_type: 'CustomError',
      exc_message: Tuple.of<unknown>(42, 'bad thing'),
      exc_module: 'proj.app',
    })
  })

  test('a pickled exception is kept, and its class is not built', () => {
    const error = column('db-failure-custom-pickle-serializer')
    expect(error).toStrictEqual(
      new PythonObject('proj.app', 'CustomError', [42, 'bad thing'], {
        code: 42,
        detail: 'bad thing',
      }),
    )
    expect(Object.isFrozen(error)).toBe(true)
  })

  test('a saved group is kept without a word of what is in it when printed', () => {
    expect(String(column('db-group-saved'))).toBe('<celery.app.base._unpickle_appattr>')
  })

  test('a message body', () => {
    expect(readPickle(recordedMessage('body-pickle').body)).toStrictEqual(
      Tuple.of<unknown>(
        Tuple.of<unknown>(1, 'a'),
        { k: [1, 2] },
        { callbacks: null, errbacks: null, chain: null, chord: null },
      ),
    )
  })

  const readable = vector('result-reading-database').cases.filter(
    (each: { label: string; result_bytea_hex?: string }) =>
      each.label.startsWith('dict pickled with protocol'),
  )

  test('comes in five protocols at least', () => {
    expect(readable.length).toBeGreaterThanOrEqual(5)
  })

  test.each<{ label: string; result_bytea_hex: string }>(readable)(
    '$label',
    ({ result_bytea_hex: hex }) => {
      expect(readPickle(Buffer.from(hex, 'hex'))).toStrictEqual({ a: [1, 'é', null, true, 1.5] })
    },
  )
})

describe('protocol 0', () => {
  test.each([
    ['I01\n.', true],
    ['I00\n.', false],
    ['I-42\n.', -42],
    ['L1180591620717411303424L\n.', 2n ** 70n],
    ['F-1.5e3\n.', -1500],
    ['Fnan\n.', Number.NaN],
    ['N.', null],
    ["S'it\\'s \\x41\\n\\\\'\np0\n.", "it's A\n\\"],
    ["S'\\xe9'\n.", Buffer.from([0xe9])],
    ['V\\u20ac \\U0001f600 \xe9\n.', '€ 😀 é'],
    ['(I1\nI2\ntp0\n.', Tuple.of(1, 2)],
    ['(lp0\nI1\naI2\na.', [1, 2]],
    ['(I1\nI2\nl.', [1, 2]],
    ["(dp0\nS'a'\nI1\ns.", { a: 1 }],
    ["(S'a'\nI1\nd.", { a: 1 }],
    ['(lp0\n(lp1\nag1\na0g0\n.', [[], []]],
    ['(iproj.app\nThing\n.', new PythonObject('proj.app', 'Thing')],
    ['(cproj.app\nThing\nI1\no.', new PythonObject('proj.app', 'Thing', [1])],
    ["cexceptions\nValueError\n(S'no'\ntR.", new PythonObject('builtins', 'ValueError', ['no'])],
  ])('%j', (text, value) => {
    expect(pickle(text)).toStrictEqual(value)
  })
})

describe('structure', () => {
  test('dicts with keys that are no text are Maps', () => {
    expect(pickle('}(K\x01\x8c\x01a\x8c\x01bNu.')).toStrictEqual(
      new Map<unknown, unknown>([
        [1, 'a'],
        ['b', null],
      ]),
    )
  })

  test('__proto__ is a key like any other', () => {
    const value = pickle('}\x8c\x09__proto__}\x8c\x01xK\x01ss.') as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(value.x).toBeUndefined()
  })

  test('what is shared is one value', () => {
    const [first, second] = pickle(']\x94(]\x94h\x01e.') as unknown[]
    expect(second).toBe(first)
  })

  test('a list can hold itself', () => {
    const list = pickle(']\x94h\x00a.') as unknown[]
    expect(list[0]).toBe(list)
  })

  test('a tuple in a circle, and an object that holds itself', () => {
    const tuple = pickle(']\x94h\x00\x85\x94ah\x01.') as unknown[][]
    expect(tuple[0]?.[0]).toBe(tuple)
    const object = pickle('cm\nNode\n)\x81\x94}\x8c\x04selfh\x00sb.') as PythonObject
    expect((object.state as Record<string, unknown>).self).toBe(object)
  })

  test('an ordered dict, a default dict, a counter and a deque are plain', () => {
    expect(pickle('ccollections\nOrderedDict\n)R(\x8c\x01bK\x01\x8c\x01aK\x02u.')).toStrictEqual({
      b: 1,
      a: 2,
    })
    expect(
      pickle('ccollections\ndefaultdict\ncbuiltins\nint\n\x85R\x8c\x01aK\x02s.'),
    ).toStrictEqual({ a: 2 })
    expect(pickle('ccollections\nCounter\n}\x8c\x01aK\x02s\x85R.')).toStrictEqual({ a: 2 })
    expect(pickle('ccollections\ndeque\n)R(K\x01K\x02e.')).toStrictEqual([1, 2])
  })

  test('a datetime in a zone it names gets the offset the zone had then', () => {
    const zoned = (day: string) =>
      pickle(
        `cdatetime\ndatetime\nC\x0a\x07\xe4${day}\x0c\x00\x00\x00\x00\x00czoneinfo\nZoneInfo._unpickle\n\x8c\x0dEurope/BerlinK\x01\x86R\x86R.`,
      )
    expect(zoned('\x01\x02')).toStrictEqual(new DateTime('2020-01-02T12:00:00+01:00'))
    expect(zoned('\x07\x02')).toStrictEqual(new DateTime('2020-07-02T12:00:00+02:00'))
    expect(String(zoned('\x07\x02'))).toBe('2020-07-02T12:00:00+02:00')
  })

  test('a datetime in an unknown zone stays a Python object', () => {
    const value = pickle(
      'cdatetime\ndatetime\nC\x0a\x07\xe4\x01\x02\x0c\x00\x00\x00\x00\x00cmy.zones\nMars\n)R\x86R.',
    )
    expect(value).toBeInstanceOf(PythonObject)
    expect(String(value)).toBe('<datetime.datetime>')
  })
})

describe('nothing is executed', () => {
  test.each([
    ["cos\nsystem\n(S'echo hi'\ntR.", '<os.system>'],
    ["cbuiltins\neval\n(S'1+1'\ntR.", '<builtins.eval>'],
    ['c__main__\nBomb\n)\x81.', '<__main__.Bomb>'],
    ["cbuiltins\ngetattr\n(cos\npath\nS'join'\ntR(S'a'\ntR.", '<os.path.join>'],
    ['csubprocess\nPopen\n)}\x8c\x05shell\x88s\x92.', '<subprocess.Popen>'],
    ['cconstructor\n__proto__\n)R.', '<constructor.__proto__>'],
    ['ctoString\nvalueOf\n)R.', '<toString.valueOf>'],
  ])('%j is only a record of what was asked', (text, shown) => {
    const value = pickle(text)
    expect(value).toBeInstanceOf(PythonObject)
    expect(String(value)).toBe(shown)
  })

  test('keyword arguments and what was put into an object follow its arguments', () => {
    expect(pickle('cm\nC\nK\x01\x85}\x8c\x01kK\x02s\x92.')).toStrictEqual(
      new PythonObject('m', 'C', [1, { k: 2 }]),
    )
    expect(pickle('cm\nL\n)\x81(K\x01K\x02e.')).toStrictEqual(new PythonObject('m', 'L', [[1, 2]]))
    expect(pickle('cm\nD\n)\x81\x8c\x01kK\x02s.')).toStrictEqual(
      new PythonObject('m', 'D', [{ k: 2 }]),
    )
  })
})

describe('what cannot be read is refused with its place', () => {
  test.each([
    ['nothing', '', 'pickle at byte 0 (end): expected one more byte, found the end'],
    ['no end', 'K\x01', 'pickle at byte 2 (end): expected one more byte'],
    [
      'an unknown operation',
      '\xff.',
      'pickle at byte 0 (end): expected an operation, found the byte 0xff',
    ],
    [
      'text cut short',
      '\x8c\x05abc',
      'pickle at byte 0 (SHORT_BINUNICODE): expected 5 bytes, found 3',
    ],
    [
      'a length that lies',
      'X\xff\xff\xff\x7fabc.',
      'pickle at byte 0 (BINUNICODE): expected 2147483647 bytes, found 4',
    ],
    [
      'a length of 64 bits that lies',
      '\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.',
      'pickle at byte 0 (BINBYTES8): expected 9223372036854775807 bytes',
    ],
    [
      'a frame that lies',
      '\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N.',
      'pickle at byte 2 (FRAME): expected 255 bytes, found 2',
    ],
    [
      'a future protocol',
      '\x80\x06N.',
      'pickle at byte 0 (PROTO): expected a protocol from 0 to 5, found 6',
    ],
    ['an empty stack', 'a.', 'pickle at byte 0 (APPEND): expected 1 values on the stack, found 0'],
    ['nothing to stop with', '.', 'expected 1 values on the stack, found 0'],
    ['no mark', 't.', 'pickle at byte 0 (TUPLE): expected a mark before this'],
    [
      'a memory that is not there',
      'h\x07.',
      'pickle at byte 0 (BINGET): expected something remembered as 7',
    ],
    [
      'an append to a number',
      'K\x01K\x02a.',
      'pickle at byte 4 (APPEND): expected a list or a set to add to',
    ],
    [
      'a key without value',
      '}(K\x01u.',
      'pickle at byte 4 (SETITEMS): expected a value for each key',
    ],
    [
      'a call of a number',
      'K\x01)R.',
      'pickle at byte 3 (REDUCE): expected the name of what to call',
    ],
    [
      'a call without tuple',
      'cm\nf\n]R.',
      'pickle at byte 6 (REDUCE): expected a tuple of arguments',
    ],
    ['a state of a list', ']Nb.', 'pickle at byte 2 (BUILD): expected an object to give a state'],
    [
      'a persistent id',
      'Pid\n.',
      'pickle at byte 0 (PERSID): expected a pickle that needs nothing from outside',
    ],
    ['an extension', '\x82\x01.', '(EXT1): expected a pickle that needs nothing from outside'],
    [
      'a buffer from outside',
      '\x97.',
      '(NEXT_BUFFER): expected a pickle that needs nothing from outside',
    ],
    ['bad UTF-8', '\x8c\x01\xff.', 'pickle at byte 0 (SHORT_BINUNICODE): expected text in UTF-8'],
    ['text without quotes', 'Sabc\n.', 'pickle at byte 0 (STRING): expected text in quotes'],
    ['an integer that is none', 'I1x\n.', 'pickle at byte 0 (INT): expected an integer'],
    ['a float that is none', 'Fx\n.', 'pickle at byte 0 (FLOAT): expected a float'],
    ['names that are no text', 'K\x01K\x02\x93.', '(STACK_GLOBAL): expected the names of a module'],
    ['a Decimal that is none', "cdecimal\nDecimal\n(S'x'\ntR.", "'x' is not a decimal number"],
    [
      'a datetime without a calendar day',
      'cdatetime\ndate\nC\x04\x07\xe4\x0d\x01\x85R.',
      'is not a date',
    ],
  ])('%s', (_, text, message) => {
    expect(() => pickle(text)).toThrow(message)
    expect(() => pickle(text)).toThrow(expect.objectContaining({ code: 'MESSAGE_UNDECODABLE' }))
  })

  test('a million lists inside each other', () => {
    expect(() => pickle(`${']'.repeat(1_000_000)}${'a'.repeat(999_999)}.`)).toThrow(
      'at most 900 levels of nesting',
    )
  })

  test('a few bytes that stand for 10^30 values', () => {
    const tenfold = Array.from(
      { length: 30 },
      (_, at) => `](${`h${String.fromCharCode(at)}`.repeat(10)}e\x94`,
    )
    expect(() => pickle(`]\x94${tenfold.join('')}.`)).toThrow(
      'expected at most 511568 values, shared ones counted each time',
    )
  })

  test.each([
    ['text', `X\x00\x00\x01\x00${'a'.repeat(65_536)}`],
    ['integer', `\x8b\x00\x06\x00\x00${'a'.repeat(1_536)}`],
  ])('a long %s that a few bytes repeat until it fills the memory', (_, long) => {
    const shared = `](${long}\x94${'h\x00'.repeat(50_000)}e.`
    expect(() => pickle(shared)).toThrow(/expected at most \d+ values, shared ones counted/)
  })

  test('what many rows share is read', () => {
    const row = `}(${Array.from({ length: 50 }, (_, at) => `K${String.fromCharCode(at)}N`).join('')}u`
    const rows = pickle(`](${row}\x94${'h\x00'.repeat(4_999)}e.`) as unknown[]
    expect(rows).toHaveLength(5_000)
  })

  test('a zone that is named for each of many times is looked up once', () => {
    const made = countFormats()
    const zone = 'czoneinfo\nZoneInfo._unpickle\n(\x8c\x0cEurope/ParisK\x01tR\x94'
    const parts = 'C\x0a\x07\xe8\x06\x01\x01\x01\x01\x00\x00\x00h\x01\x86\x94'
    const time = 'h\x00h\x02R'
    const text = `(cdatetime\ndatetime\n\x94${zone}${parts}${time.repeat(100)}l.`
    expect(String((pickle(text) as unknown[]).at(-1))).toBe('2024-06-01T01:01:01+02:00')
    expect(made()).toBeLessThan(2)
  })

  test('any byte of a good pickle changed or missing gives a value or a ProtocolError', () => {
    const good = recordedPickles().map(([, bytes]) => bytes)
    const damage = fc.tuple(
      fc.constantFrom(...good),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
    )
    fc.assert(
      fc.property(damage, ([bytes, at, byte, isCut]) => {
        const place = at % bytes.length
        const bad = isCut
          ? bytes.subarray(0, place)
          : Buffer.from(bytes).fill(byte, place, place + 1)
        expectValueOrProtocolError(bad)
      }),
      { numRuns: 2000 },
    )
  })

  test('any bytes at all give a value or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectValueOrProtocolError(bytes)),
      { numRuns: 2000 },
    )
  })
})

function expectValueOrProtocolError(bytes: Uint8Array): void {
  try {
    readPickle(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
  }
}

/** How many formats of times were made since. */
function countFormats(): () => number {
  const original = Intl.DateTimeFormat
  let count = 0
  Intl.DateTimeFormat = class extends original {
    constructor(...args: ConstructorParameters<typeof original>) {
      super(...args)
      count += 1
    }
  } as typeof original
  onTestFinished(() => {
    Intl.DateTimeFormat = original
  })
  return () => count
}
