import type { types as PgTypes } from 'pg'

type TypeParsers = Pick<typeof PgTypes, 'getTypeParser'>

const OID = { bigint: 20, date: 1082, timestamp: 1114 } as const

/** How columns become values: pg's way, but exact where pg depends on the machine's time zone. */
export function typeParsers(pgTypes: typeof PgTypes): TypeParsers {
  const ours = new Map<number, (text: string) => unknown>([
    [OID.bigint, bigint],
    // Midnight of which zone? A day stays text, "2026-01-31".
    [OID.date, (text) => text],
    // Our sessions are on UTC, and so is Celery's date_done.
    [OID.timestamp, (text) => pgTypes.getTypeParser(1184)(`${text}+00`)],
  ])
  // pg's own signature has overloads for its many type ids; one function serves them all.
  const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    format === 'binary'
      ? pgTypes.getTypeParser(oid, 'binary')
      : (ours.get(oid) ?? pgTypes.getTypeParser(oid, 'text'))
  return { getTypeParser: getTypeParser as typeof PgTypes.getTypeParser }
}

/** Times leave as UTC text: pg would write them in the machine's zone, and a column without a zone would keep that. */
export function toParameter(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(toParameter)
  return value
}

/** A number where that is exact, else its digits. */
function bigint(text: string): number | string {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}
