import { isAscii, isUtf8 } from 'node:buffer'
import { inSlices } from '../async/slices.ts'
import { ProtocolError } from '../errors.ts'
import { decodeYamlInThread } from './decode-in-thread.ts'
import { decodeJson, encodeJson, jsonReader } from './json/json.ts'
import { JsonNodes } from './json/json-nodes.ts'
import { DEFAULT_LIMITS, decodingTime, type MessageLimits } from './limits.ts'
import { MemoryBudget } from './memory-budget.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack/msgpack.ts'
import { MsgpackNodes, MsgpackReader } from './msgpack/msgpack-reader.ts'
import { PickleReading, readPickle } from './pickle/pickle-reader.ts'
import { writePickle } from './pickle/pickle-writer.ts'
import { decodeYaml, encodeYaml, refuseLongYaml } from './yaml/yaml.ts'

type SerializerName = 'json' | 'yaml' | 'msgpack' | 'pickle' | 'raw'

/** One way to turn a value into bytes, and what a message says to name it. */
export interface Serializer {
  readonly name: SerializerName
  readonly contentType: string
  readonly contentEncoding: string
  /** Refuses a value that holds more than `maxNodes` others: the most that a body may. */
  encode(value: unknown, maxNodes?: number): Buffer
  /** At once, however long it takes: for what is small, or in a thread of its own. */
  decode(bytes: Buffer, limits?: MessageLimits): unknown
  /** Bodies of more bytes than this take so long that others would notice. */
  readonly largestAtOnce: number
  /** The same off the event loop, or in slices of its time. */
  decodeLarge(bytes: Buffer, options: DecodeLargeOptions): Promise<unknown>
}

export interface DecodeLargeOptions {
  readonly limits: MessageLimits
  /** The place in a list of JSON whose floats stay floats (1.0 is no 1), as they are sent on. */
  readonly floatsAt?: number
}

const AT_ONCE = 256 * 1024
/** The library takes a millisecond for a hundred bytes. */
const YAML_AT_ONCE = 4096
/** A time in a named zone takes twenty microseconds, and may be five bytes. */
const PICKLE_AT_ONCE = 64 * 1024

/** The serializer Celery knows by this name, as in `task_serializer`. */
export function serializerByName(name: string): Serializer {
  const found = SERIALIZERS.find((serializer) => serializer.name === name)
  if (found !== undefined) return found
  throw new ProtocolError(
    'VALUE_UNENCODABLE',
    `unknown serializer "${name}"; expected one of ${SERIALIZERS.map((each) => each.name).join(', ')}`,
  )
}

/** The serializer of a content type. Celery takes it letter by letter: `application/json; charset=utf-8` is none. */
export function serializerByContentType(contentType: string): Serializer | undefined {
  return BY_CONTENT_TYPE.get(contentType)
}

const json: Serializer = {
  name: 'json',
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  encode: (value, maxNodes) => Buffer.from(encodeJson(value, maxNodes), 'latin1'),
  largestAtOnce: AT_ONCE,
  decode: (bytes, { maxNodes } = DEFAULT_LIMITS) => {
    if (bytes.length > maxNodes) new JsonNodes(bytes, maxNodes).advance(bytes.length)
    return decodeJson(utf8(bytes, 'JSON'))
  },
  decodeLarge: async (bytes, { limits, floatsAt }) => {
    const time = decodingTime(bytes, 'JSON', limits)
    await inSlices(new JsonNodes(bytes, limits.maxNodes), time)
    const memory = new MemoryBudget(bytes, limits, 'JSON')
    return await inSlices(jsonReader(utf8(bytes, 'JSON'), floatsAt, memory), time)
  },
}

const yaml: Serializer = {
  name: 'yaml',
  contentType: 'application/x-yaml',
  contentEncoding: 'utf-8',
  encode: (value, maxNodes) => Buffer.from(encodeYaml(value, maxNodes), 'utf8'),
  largestAtOnce: YAML_AT_ONCE,
  decode: (bytes, limits) => decodeYaml(utf8(bytes, 'YAML'), limits),
  decodeLarge: async (bytes, { limits }) => {
    refuseLongYaml(bytes)
    return await decodeYamlInThread(utf8(bytes, 'YAML'), limits)
  },
}

const msgpack: Serializer = {
  name: 'msgpack',
  contentType: 'application/x-msgpack',
  contentEncoding: 'binary',
  encode: encodeMsgpack,
  largestAtOnce: AT_ONCE,
  decode: (bytes, { maxNodes } = DEFAULT_LIMITS) => {
    if (bytes.length > maxNodes) new MsgpackNodes(bytes, maxNodes).advance(bytes.length)
    return decodeMsgpack(bytes)
  },
  decodeLarge: async (bytes, { limits }) => {
    const time = decodingTime(bytes, 'msgpack', limits)
    await inSlices(new MsgpackNodes(bytes, limits.maxNodes), time)
    const memory = new MemoryBudget(bytes, limits, 'msgpack')
    return await inSlices(new MsgpackReader(bytes, { memory }), time)
  },
}

/** Reads what is safe and runs nothing. Who may send it at all is for protocol/ to decide. */
const pickle: Serializer = {
  name: 'pickle',
  contentType: 'application/x-python-serialize',
  contentEncoding: 'binary',
  encode: writePickle,
  largestAtOnce: PICKLE_AT_ONCE,
  decode: readPickle,
  decodeLarge: async (bytes, { limits }) => {
    const memory = new MemoryBudget(bytes, limits, 'pickle')
    return await inSlices(new PickleReading(bytes, memory), decodingTime(bytes, 'pickle', limits))
  },
}

const raw: Serializer = {
  name: 'raw',
  contentType: 'application/data',
  contentEncoding: 'binary',
  encode: rawBytes,
  largestAtOnce: Number.POSITIVE_INFINITY,
  decode: (bytes) => bytes,
  decodeLarge: async (bytes) => bytes,
}

const SERIALIZERS: readonly Serializer[] = [json, yaml, msgpack, pickle, raw]
const BY_CONTENT_TYPE: ReadonlyMap<string, Serializer> = new Map(
  SERIALIZERS.map((serializer) => [serializer.contentType, serializer]),
)

function rawBytes(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw new ProtocolError(
    'VALUE_UNENCODABLE',
    `cannot send ${typeof value} as it is; expected text or bytes`,
  )
}

// Bytes that are ASCII are read as latin1, which is faster and the same.
function utf8(bytes: Buffer, format: string): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw new ProtocolError(
    'MESSAGE_UNDECODABLE',
    `the ${format} is not valid UTF-8, at byte ${firstBadByte(bytes)}`,
  )
}

function firstBadByte(bytes: Buffer): number {
  const text = bytes.toString('utf8')
  const valid = Buffer.from(text, 'utf8')
  const at = bytes.findIndex((byte, index) => byte !== valid[index])
  return at < 0 ? bytes.length : at
}
