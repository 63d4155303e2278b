import { ConfigurationError } from '../../errors.ts'

/** A multipart message, as `raw()` hands it over. */
export interface Multipart {
  readonly frames: readonly Uint8Array[]
}

/** The parser between wire and operator: two functions. */
export interface Codec<T = unknown> {
  /** Shown in errors. */
  readonly name?: string
  /** Of the bytes it writes, for links that say so. */
  readonly contentType?: string
  /** Throws where the bytes are no message. */
  decode(bytes: Buffer): T
  /** Throws where the value has no form. */
  encode(value: T): Uint8Array
  /** Whether several frames are one message to it. */
  readonly takesFrames?: boolean
}

/** The codec of a link: `raw()` where none is given. */
export function codecOf(codec: unknown, place: string): Codec {
  if (codec === undefined) return RAW
  const isCodec =
    typeof codec === 'object' &&
    codec !== null &&
    'decode' in codec &&
    'encode' in codec &&
    typeof codec.decode === 'function' &&
    typeof codec.encode === 'function'
  if (isCodec) return codec as Codec
  throw new ConfigurationError(
    `${place}: codec is ${String(codec)}, expected raw(), text(), json(), msgpack() or { decode, encode }`,
  )
}

const RAW: Codec = {
  name: 'raw',
  contentType: 'application/octet-stream',
  takesFrames: true,
  decode: (bytes) => bytes,
  encode: rawBytes,
}

/** Bytes as they are: a Buffer, or `{ frames }` of a multipart message. */
export function raw(): Codec<Buffer> {
  return RAW as Codec<Buffer> // it hands over what it is given
}

/** Text in UTF-8; other bytes are refused. */
export function text(): Codec<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return {
    name: 'text',
    contentType: 'text/plain',
    decode: (bytes) => decoder.decode(bytes),
    encode: (value) => {
      if (typeof value === 'string') return Buffer.from(value, 'utf8')
      throw new TypeError(`text() cannot encode ${kindOf(value)}, expected a text`)
    },
  }
}

function rawBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  throw new TypeError(
    `raw() cannot encode ${kindOf(value)}, expected bytes or text; give the link a codec`,
  )
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `the ${typeof value} ${String(value)}`
  return `a ${value.constructor?.name ?? 'value'}`
}
