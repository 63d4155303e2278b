import type { types as PgTypes } from 'pg'

type TypeParsers = Pick<typeof PgTypes, 'getTypeParser'>

const OID = { bigint: 20, date: 1082, timestamp: 1114, timestamptz: 1184 } as const

/** How columns become values: pg's way, but exact where pg depends on the machine's time zone. */
export function typeParsers(pgTypes: typeof PgTypes): TypeParsers {
  const ours = new Map<number, (text: string) => unknown>([
    [OID.bigint, bigint],
    // Midnight of which zone? A day stays text, "2026-01-31".
    [OID.date, (text) => text],
    // Our sessions are on UTC, and so is Celery's date_done.
    [OID.timestamp, (text) => time(pgTypes, text, '+00')],
    [OID.timestamptz, (text) => time(pgTypes, text, '')],
  ])
  // pg's own signature has overloads for its many type ids; one function serves them all.
  const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    format === 'binary'
      ? pgTypes.getTypeParser(oid, 'binary')
      : (ours.get(oid) ?? pgTypes.getTypeParser(oid, 'text'))
  return { getTypeParser: getTypeParser as typeof PgTypes.getTypeParser }
}

/** The first and the last time that a Date can be. */
const FIRST = new Date(-8.64e15)
const LAST = new Date(8.64e15)

/** PostgreSQL has times for 20,000 years longer, and infinite ones: a Date that is none, or a number, would end its reader. */
function time(pgTypes: typeof PgTypes, text: string, zone: string): unknown {
  const value: unknown = pgTypes.getTypeParser(OID.timestamptz)(
    text.replace(/( BC)?$/, `${zone}$1`),
  )
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value
  const isEarly = text.startsWith('-') || text.endsWith('BC')
  return new Date(isEarly ? FIRST : LAST)
}

/** Times leave as UTC text: pg would write them in the machine's zone, and a column without a zone would keep that. */
export function toParameter(value: unknown): unknown {
  if (value instanceof Date) return timeText(value)
  if (Array.isArray(value)) return value.map(toParameter)
  return value
}

function timeText(time: Date): string {
  if (time.getTime() === LAST.getTime()) return 'infinity'
  return time.getTime() === FIRST.getTime() ? '-infinity' : time.toISOString()
}

/** A number where that is exact, else its digits. */
function bigint(text: string): number | string {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}
