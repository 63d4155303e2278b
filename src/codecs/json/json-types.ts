import { ProtocolError } from '../../errors.ts'
import { DateTime, Decimal, LocalDate, LocalTime, Uuid } from '../values.ts'

/** The typed values kombu puts into JSON, by the name in `__type__`. */
const READERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  datetime: (value) => new DateTime(textValue('datetime', value)),
  date: (value) => new LocalDate(textValue('date', value).slice(0, 10)),
  time: (value) => new LocalTime(textValue('time', value)),
  decimal: (value) => new Decimal(textValue('decimal', value)),
  uuid: (value) => new Uuid(textValue('uuid', hexOf(value))),
  bytes: (value) => Buffer.from(textValue('bytes', value), 'utf8'),
  base64: (value) => Buffer.from(textValue('base64', value), 'base64'),
}

/** Builds the value that `{"__type__": type, "__value__": value}` stands for. */
export function readTyped(type: unknown, value: unknown): unknown {
  const read = typeof type === 'string' && Object.hasOwn(READERS, type) ? READERS[type] : undefined
  if (read === undefined) {
    throw new ProtocolError(
      'MESSAGE_UNDECODABLE',
      `unknown __type__ ${JSON.stringify(type)} in JSON; expected one of ${Object.keys(READERS).join(', ')}`,
    )
  }
  return read(value)
}

function hexOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'hex' in value ? value.hex : value
}

function textValue(type: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new ProtocolError(
    'MESSAGE_UNDECODABLE',
    `__value__ of a ${type} is ${value === null ? 'null' : typeof value}; expected text`,
  )
}
