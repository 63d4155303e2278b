import type { ByteReader } from '../byte-reader.ts'
import type { PickleStack } from './pickle-stack.ts'
import {
  littleEndian,
  python2Text,
  readFloatLine,
  readInt,
  readLong,
  readMemoKey,
  readName,
  readQuotedLine,
  readUnicodeLine,
} from './pickle-text.ts'
import { PickledDict, PickledGlobal, PickledSet, PickledTuple } from './pickle-values.ts'

type Run = (stack: PickleStack, reader: ByteReader) => void

/** One operation of the pickle machine, under the name Python's pickletools gives it. */
interface Operation {
  readonly name: string
  readonly run: Run
  /** Bytes of memory that what it makes takes, beside those of a text. */
  readonly cost: number
}

/** Operations that push one value, which they read by themselves. */
const PUSHES: Readonly<
  Record<string, readonly [code: number, read: (reader: ByteReader) => unknown]>
> = {
  NONE: [0x4e, () => null],
  NEWTRUE: [0x88, () => true],
  NEWFALSE: [0x89, () => false],
  INT: [0x49, readInt],
  LONG: [0x4c, readLong],
  BININT: [0x4a, (reader) => reader.take(4).readInt32LE()],
  BININT1: [0x4b, (reader) => reader.byte()],
  BININT2: [0x4d, (reader) => reader.take(2).readUInt16LE()],
  LONG1: [0x8a, (reader) => littleEndian(reader, reader.byte())],
  LONG4: [0x8b, (reader) => littleEndian(reader, uint32(reader))],
  FLOAT: [0x46, readFloatLine],
  BINFLOAT: [0x47, (reader) => reader.take(8).readDoubleBE()],
  STRING: [0x53, readQuotedLine],
  BINSTRING: [0x54, (reader) => python2Text(reader.take(uint32(reader)))],
  SHORT_BINSTRING: [0x55, (reader) => python2Text(reader.take(reader.byte()))],
  UNICODE: [0x56, readUnicodeLine],
  BINUNICODE: [0x58, (reader) => reader.textWithSurrogates(uint32(reader))],
  SHORT_BINUNICODE: [0x8c, (reader) => reader.textWithSurrogates(reader.byte())],
  BINUNICODE8: [0x8d, (reader) => reader.textWithSurrogates(uint64(reader))],
  BINBYTES: [0x42, (reader) => reader.copy(uint32(reader))],
  SHORT_BINBYTES: [0x43, (reader) => reader.copy(reader.byte())],
  BINBYTES8: [0x8e, (reader) => reader.copy(uint64(reader))],
  BYTEARRAY8: [0x96, (reader) => reader.copy(uint64(reader))],
  EMPTY_LIST: [0x5d, () => []],
  EMPTY_DICT: [0x7d, () => new PickledDict()],
  EMPTY_SET: [0x8f, () => new PickledSet()],
  EMPTY_TUPLE: [0x29, () => new PickledTuple([])],
  GLOBAL: [0x63, (reader) => new PickledGlobal(readName(reader), readName(reader))],
}

/** Operations on what is there already. */
const STEPS: Readonly<Record<string, readonly [code: number, run: Run]>> = {
  PROTO: [0x80, (_, reader) => checkProtocol(reader)],
  FRAME: [0x95, (_, reader) => uint64(reader)],
  MARK: [0x28, (stack) => stack.mark()],
  POP: [0x30, (stack) => stack.discard()],
  POP_MARK: [0x31, (stack) => stack.popToMark()],
  DUP: [0x32, (stack) => stack.push(stack.top())],
  GET: [0x67, (stack, reader) => stack.recall(readMemoKey(reader))],
  BINGET: [0x68, (stack, reader) => stack.recall(reader.byte())],
  LONG_BINGET: [0x6a, (stack, reader) => stack.recall(uint32(reader))],
  PUT: [0x70, (stack, reader) => stack.memoize(readMemoKey(reader))],
  BINPUT: [0x71, (stack, reader) => stack.memoize(reader.byte())],
  LONG_BINPUT: [0x72, (stack, reader) => stack.memoize(uint32(reader))],
  MEMOIZE: [0x94, (stack) => stack.memoize()],
  TUPLE: [0x74, (stack) => stack.push(new PickledTuple(stack.popToMark()))],
  TUPLE1: [0x85, (stack) => stack.push(new PickledTuple(stack.popMany(1)))],
  TUPLE2: [0x86, (stack) => stack.push(new PickledTuple(stack.popMany(2)))],
  TUPLE3: [0x87, (stack) => stack.push(new PickledTuple(stack.popMany(3)))],
  LIST: [0x6c, (stack) => stack.push(stack.popToMark())],
  APPEND: [0x61, (stack) => stack.append([stack.pop()])],
  APPENDS: [0x65, (stack) => stack.append(stack.popToMark())],
  DICT: [0x64, pushDict],
  SETITEM: [0x73, (stack) => stack.setItems(stack.popMany(2))],
  SETITEMS: [0x75, (stack) => stack.setItems(stack.popToMark())],
  ADDITEMS: [0x90, (stack) => stack.append(stack.popToMark())],
  FROZENSET: [0x91, pushFrozenSet],
  STACK_GLOBAL: [0x93, pushGlobal],
  REDUCE: [0x52, (stack) => callWith(stack, stack.pop())],
  NEWOBJ: [0x81, (stack) => callWith(stack, stack.pop())],
  NEWOBJ_EX: [0x92, callWithKeywords],
  INST: [0x69, callNamed],
  OBJ: [0x6f, callFirst],
  BUILD: [0x62, (stack) => stack.setState(stack.pop())],
}

/** Operations that only work between programs that agreed on what they mean. */
const FOREIGN: Readonly<Record<string, number>> = {
  PERSID: 0x50,
  BINPERSID: 0x51,
  EXT1: 0x82,
  EXT2: 0x83,
  EXT4: 0x84,
  NEXT_BUFFER: 0x97,
  READONLY_BUFFER: 0x98,
}

/** Bytes of a place on the stack, which leaves smaller ones behind as it grows. */
const PLACE = 28
const COSTS: readonly (readonly [RegExp, number])[] = [
  [/^(?:PROTO|FRAME|POP|POP_MARK|APPENDS?|SETITEMS?|ADDITEMS)$/, 0],
  [/^(?:FLOAT|BINFLOAT|INT|LONG\d?)$/, 44],
  [/^(?:LONG_)?(?:BIN)?PUT$|^MEMOIZE$/, 90],
  [/STRING|UNICODE|BYTES|BYTEARRAY/, 60],
  [/^MARK$|LIST|DICT|SET|TUPLE/, 72],
  [/GLOBAL|REDUCE|NEWOBJ|INST|OBJ|BUILD/, 120],
]

/** Every operation of protocols 0 to 5 (but STOP), by its code: https://docs.python.org/3/library/pickletools.html */
export const OPERATIONS: readonly (Operation | undefined)[] = tabulate()

function tabulate(): (Operation | undefined)[] {
  const table: (Operation | undefined)[] = new Array(256).fill(undefined)
  for (const [name, [code, read]] of Object.entries(PUSHES)) {
    table[code] = { name, run: (stack, reader) => stack.push(read(reader)), cost: costOf(name) }
  }
  for (const [name, [code, run]] of Object.entries(STEPS))
    table[code] = { name, run, cost: costOf(name) }
  for (const [name, code] of Object.entries(FOREIGN)) {
    table[code] = { name, run: (_, reader) => refuseForeign(reader), cost: 0 }
  }
  return table
}

function costOf(name: string): number {
  return COSTS.find(([names]) => names.test(name))?.[1] ?? PLACE
}

function uint32(reader: ByteReader): number {
  return reader.take(4).readUInt32LE()
}

function uint64(reader: ByteReader): number {
  return reader.length(reader.take(8).readBigUInt64LE())
}

function checkProtocol(reader: ByteReader): void {
  const protocol = reader.byte()
  if (protocol > 5) throw reader.fail(`expected a protocol from 0 to 5, found ${protocol}`)
}

function refuseForeign(reader: ByteReader): never {
  throw reader.fail('expected a pickle that needs nothing from outside')
}

function pushDict(stack: PickleStack): void {
  const items = stack.popToMark()
  stack.push(new PickledDict())
  stack.setItems(items)
}

function pushFrozenSet(stack: PickleStack): void {
  const items = stack.popToMark()
  stack.push(new PickledSet())
  stack.append(items)
}

function pushGlobal(stack: PickleStack, reader: ByteReader): void {
  const [module, name] = stack.popMany(2)
  if (typeof module !== 'string' || typeof name !== 'string') {
    throw reader.fail('expected the names of a module and of something in it')
  }
  stack.push(new PickledGlobal(module, name))
}

function callWith(stack: PickleStack, args: unknown): void {
  stack.call(stack.pop(), args)
}

/** Keyword arguments are kept as one more argument: a dict. */
function callWithKeywords(stack: PickleStack, reader: ByteReader): void {
  const [callee, args, keywords] = stack.popMany(3)
  if (!(args instanceof PickledTuple && keywords instanceof PickledDict)) {
    throw reader.fail('expected a tuple of arguments and a dict of keyword arguments')
  }
  const isBare = keywords.pairs.length === 0
  stack.call(callee, isBare ? args : new PickledTuple([...args.items, keywords]))
}

function callNamed(stack: PickleStack, reader: ByteReader): void {
  const callee = new PickledGlobal(readName(reader), readName(reader))
  stack.call(callee, new PickledTuple(stack.popToMark()))
}

function callFirst(stack: PickleStack): void {
  const [callee, ...args] = stack.popToMark()
  stack.call(callee, new PickledTuple(args))
}
