import { dirname, join, sep } from 'node:path'
import type * as Amqplib from 'amqplib'
import { BrokerError } from '../../../errors.ts'
import { requirePackage } from '../../../installed-packages.ts'
import { builtFile } from '../../../own-package.ts'
import { readTable } from '../../headers/read-table.ts'
import { writeTable } from '../../headers/write-table.ts'
import { unpacked } from '../sending/carried-headers.ts'
import { addAnswerDeadline, type DriverChannel } from './answer-deadline.ts'

export type Driver = typeof Amqplib

/** The parts of amqplib that are not public, and that header tables pass through. */
interface DriverTables {
  encodeTable: (buffer: Buffer, table: object, offset: number) => number
  decodeFields: (fields: Buffer) => Record<string, unknown>
}

interface DriverFrames {
  encodeMethod(id: number, channel: number, fields: object): Buffer
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer
  decode(id: number, bytes: Buffer): { readonly headers?: Record<string, unknown> }
}

interface DriverChannels {
  readonly BaseChannel: { readonly prototype: DriverChannel }
}

const BASIC_PROPERTIES = 60
/** What comes before the properties in a content header frame, and the byte after them. */
const FRAME_HEAD = 19
const FRAME_TAIL = 1

/** The driver's modules that are needed here: `codec` first, as the others keep what they find in it. */
interface DriverParts {
  readonly codec: DriverTables
  rest(): {
    readonly driver: Driver
    readonly channel: DriverChannels
    readonly frames: DriverFrames
  }
}

let loaded: Driver | undefined

/**
 * amqplib, with header tables read and written by us: its own cannot read py-amqp's 64-bit integers (which ends
 * the connection) and writes integers that older py-amqp cannot read; and with a deadline for answers. It is loaded as a copy of our own, so
 * an application's amqplib stays as it is.
 */
export function loadDriver(): Driver {
  loaded ??= load()
  return loaded
}

function load(): Driver {
  const built = builtFile('amqplib')
  if (built !== undefined) return adapted(requirePackage(built) as DriverParts, dirname(built))
  return loadCopy(findDriver())
}

function findDriver(): string {
  try {
    return requirePackage.resolve('amqplib')
  } catch (cause) {
    throw driverMissing(cause)
  }
}

function driverMissing(cause: unknown): BrokerError {
  return new BrokerError(
    'DRIVER_MISSING',
    'amqp:// and amqps:// need the package "amqplib", which is not installed; run: npm install amqplib',
    { cause },
  )
}

function loadCopy(entry: string): Driver {
  const folder = dirname(entry)
  const others = takeFromCache(folder)
  try {
    return adapted(partsIn(folder, entry), folder)
  } catch (cause) {
    throw cause instanceof BrokerError ? cause : unexpectedDriver(folder, cause)
  } finally {
    takeFromCache(folder)
    Object.assign(requirePackage.cache, others)
  }
}

/** As the build puts them into one file (scripts/build.mjs). */
function partsIn(folder: string, entry: string): DriverParts {
  return {
    codec: requirePackage(join(folder, 'lib/codec.js')) as DriverTables,
    rest: () => ({
      driver: requirePackage(entry) as Driver,
      channel: requirePackage(join(folder, 'lib/channel.js')) as DriverChannels,
      frames: requirePackage(join(folder, 'lib/defs.js')) as DriverFrames,
    }),
  }
}

function adapted({ codec, rest }: DriverParts, folder: string): Driver {
  if (typeof codec.encodeTable !== 'function' || typeof codec.decodeFields !== 'function') {
    throw unexpectedDriver(folder)
  }
  codec.encodeTable = (buffer, table, offset) => writeTable(buffer, unpacked(table), offset)
  codec.decodeFields = readTable
  const { driver, channel, frames } = rest()
  const { prototype } = channel.BaseChannel
  if (typeof prototype._rpc !== 'function') throw unexpectedDriver(folder)
  addAnswerDeadline(prototype)
  refuseUnwritable(prototype, frames)
  requireOurTables(frames, folder)
  return driver
}

/**
 * The driver takes a question for asked before it writes it: after one that cannot be written, the channel waits for ever for an
 * answer, and so do all questions behind it. So each is written once for nothing.
 */
function refuseUnwritable(channels: DriverChannel, frames: DriverFrames): void {
  const call = channels._rpc
  channels._rpc = function (method, fields, expected, done) {
    for (const [name, value] of Object.entries(fields)) refuseLong(name, value)
    frames.encodeMethod(method, this.ch, fields)
    call.call(this, method, fields, expected, done)
  }
}

/** Each text of a question is a name, and AMQP has no longer ones. */
function refuseLong(name: string, value: unknown): void {
  if (typeof value !== 'string' || Buffer.byteLength(value) <= LONGEST_NAME) return
  throw new RangeError(
    `${name} has ${Buffer.byteLength(value)} bytes, expected at most ${LONGEST_NAME}`,
  )
}

const LONGEST_NAME = 255

/** Takes the modules under a folder out of the cache, and answers what was there. */
function takeFromCache(folder: string): NodeJS.Dict<NodeJS.Module> {
  const names = Object.keys(requirePackage.cache).filter((name) => name.startsWith(folder + sep))
  const taken = Object.fromEntries(names.map((name) => [name, requirePackage.cache[name]]))
  for (const name of names) delete requirePackage.cache[name]
  return taken
}

/** Sends one header through the driver and back, so that a driver built otherwise is found now, not in production. */
function requireOurTables(frames: DriverFrames, folder: string): void {
  const sent = { headers: { check: 2n ** 62n } }
  const frame = frames.encodeProperties(BASIC_PROPERTIES, 1, 0, sent)
  const properties = frame.subarray(FRAME_HEAD, frame.length - FRAME_TAIL)
  const { headers } = frames.decode(BASIC_PROPERTIES, properties)
  if (headers?.check !== sent.headers.check) throw unexpectedDriver(folder)
}

function unexpectedDriver(folder: string, cause?: unknown): BrokerError {
  return new BrokerError(
    'DRIVER_MISSING',
    `the installed amqplib (${versionIn(folder)}) is not built as expected; install amqplib 2.3`,
    { cause },
  )
}

function versionIn(folder: string): string {
  const { version } = requirePackage(join(folder, 'package.json')) as { version?: string }
  return version ?? 'of unknown version'
}
