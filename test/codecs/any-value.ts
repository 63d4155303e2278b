import fc from 'fast-check'
import {
  DateTime,
  Decimal,
  LocalDate,
  LocalTime,
  TimeDelta,
  Tuple,
  Uuid,
} from '../../src/codecs/values.ts'

const calendarDate = fc.date({
  noInvalidDate: true,
  min: new Date('0001-01-01'),
  max: new Date('9999-12-31'),
})
const micros = fc.integer({ min: 1, max: 999_999 }).map((value) => String(value).padStart(6, '0'))
const zone = fc.constantFrom('', '+00:00', '+02:00', '-03:30', '+14:00', '+00:19:32')
const day = calendarDate.map((date) => date.toISOString().slice(0, 10))
const clock = fc
  .tuple(calendarDate, micros)
  .map(([date, micro]) => `${date.toISOString().slice(11, 19)}.${micro}`)

/** Values that JSON has a typed form for, spelled as Python spells them. */
export const typedValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.tuple(day, clock, zone).map((parts) => new DateTime(`${parts[0]}T${parts[1]}${parts[2]}`)),
  day.map((text) => new LocalDate(text)),
  clock.map((text) => new LocalTime(text)),
  fc.uuid().map((text) => new Uuid(text)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('0', '-1.50', '1E+5', 'NaN', 'Infinity').map((text) => new Decimal(text)),
)

export const plainValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 200n }),
  fc.bigInt({ min: -(2n ** 200n), max: -(2n ** 53n) }),
)

/** Values of every kind that pickle has. */
export const pickleValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(
    plainValue,
    typedValue,
    fc
      .tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: 0, max: 86_399 }))
      .map(([days, seconds]) => new TimeDelta(days, seconds, 5)),
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('value')),
    fc.array(tie('value')).map((items) => Tuple.from(items)),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
    fc.uniqueArray(fc.integer(), { maxLength: 1 }).map((items) => new Set(items)),
    fc.tuple(fc.integer(), tie('value')).map((entry) => new Map([entry])),
  ),
})).value

/** Values of every kind that JSON has. */
export const jsonValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    plainValue,
    typedValue,
    fc.array(tie('value')),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { noNullPrototype: true }),
  ),
})).value
