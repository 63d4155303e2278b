import type { Headers } from '../../../protocol/message.ts'

/** Says whose headers are meant. */
class HeaderCarrier {
  headers: Headers = {}
}

const carrier = new HeaderCarrier()

/**
 * What the driver is given for headers. It makes an object that inherits from them, for each message: a prototype is kept
 * in a form of its own, which takes two kilobytes, and a fifth of the time of a publish. So that object inherits from the
 * one carrier instead; the driver writes the table at once, before the next message comes.
 */
export function carried(headers: Headers): object {
  carrier.headers = headers
  return carrier
}

/** The headers that are meant by a table of the driver; any other table is itself. */
export function unpacked(table: object): object {
  return Object.getPrototypeOf(table) === carrier ? carrier.headers : table
}
