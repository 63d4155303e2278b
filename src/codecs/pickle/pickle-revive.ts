import type { Divisible } from '../../async/slices.ts'
import type { ByteReader } from '../byte-reader.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { dictOf, setOwn } from '../own-key.ts'
import { PythonObject, Tuple } from '../values.ts'
import { isKnown, reviveKnown } from './pickle-known.ts'
import {
  PickledDict,
  PickledGlobal,
  PickledObject,
  PickledSet,
  PickledTuple,
} from './pickle-values.ts'

const MAX_DEPTH = 900
/** Bytes of memory: the container, what says that it was revived, and what fills it. */
const CONTAINER = 150
/**
 * A small pickle can share one list, or one long text, so often that walking its value would never end. Values that are not
 * shared are fewer than their bytes.
 */
const MAX_WEIGHT = { base: 500_000, perByte: 16, most: 20_000_000 }
/** So many characters or bytes count as a value. */
const LONG_TEXT = 16

interface Revived {
  readonly value: unknown
  readonly weight: number
}

/** A container that is being filled. */
interface Holder {
  readonly source: object
  /** What is to be revived for it, one after the other. */
  readonly parts: readonly unknown[]
  at: number
  readonly take: (value: unknown) => void
  readonly finish: () => unknown
  readonly startWeight: number
  readonly outer: Holder | null
}

type Filling = Pick<Holder, 'parts' | 'take' | 'finish'>

/**
 * Turns what the pickle machine left into plain values, a part at a time, so that it can be done in slices. What was
 * shared stays shared, also in a circle.
 */
export class Reviver implements Divisible<unknown> {
  readonly #reader: ByteReader
  readonly #memory: MemoryBudget | undefined
  readonly #maxWeight: number
  readonly #revived = new Map<object, Revived>()
  #holder: Holder | null = null
  #depth = 0
  #weight = 0
  #value: unknown
  #isDone = false

  constructor(source: unknown, reader: ByteReader, memory?: MemoryBudget) {
    this.#reader = reader
    this.#memory = memory
    const { base, perByte, most } = MAX_WEIGHT
    this.#maxWeight = Math.min(most, base + perByte * reader.bytes.length)
    this.#read(source)
  }

  advance(steps: number): boolean {
    for (let left = steps; left > 0 && !this.#isDone; left -= 1) this.#step()
    return this.#isDone
  }

  result(): unknown {
    return this.#value
  }

  #step(): void {
    const holder = this.#holder
    if (holder === null) return
    if (holder.at < holder.parts.length) {
      holder.at += 1
      this.#read(holder.parts[holder.at - 1])
    } else this.#close(holder)
  }

  #read(source: unknown): void {
    if (typeof source !== 'object' || source === null || source instanceof Uint8Array) {
      this.#weigh(weightOf(source))
      this.#place(source)
      return
    }
    this.#weigh(1)
    const before = this.#revived.get(source)
    if (before === undefined) this.#open(source)
    else {
      this.#weigh(before.weight)
      this.#place(before.value)
    }
  }

  #place(value: unknown): void {
    if (this.#holder !== null) this.#holder.take(value)
    else {
      this.#value = value
      this.#isDone = true
    }
  }

  #open(source: object): void {
    if (this.#depth >= MAX_DEPTH)
      throw this.#reader.fail(`expected at most ${MAX_DEPTH} levels of nesting`)
    this.#depth += 1
    this.#memory?.bytes(CONTAINER)
    const startWeight = this.#weight
    this.#holder = { ...this.#fillingOf(source), source, at: 0, startWeight, outer: this.#holder }
  }

  #close({ source, finish, startWeight, outer }: Holder): void {
    const value = finish()
    this.#depth -= 1
    this.#revived.set(source, { value, weight: this.#weight - startWeight })
    this.#holder = outer
    this.#place(value)
  }

  #fillingOf(source: object): Filling {
    if (source instanceof PickledDict) return this.#dict(source)
    if (source instanceof PickledTuple) return this.#tuple(source)
    if (source instanceof PickledSet) return this.#set(source)
    if (source instanceof PickledGlobal) return named(source)
    if (source instanceof PickledObject) return this.#object(source)
    return this.#list(source as unknown[]) // nothing else is on the machine's stack
  }

  #list(source: readonly unknown[]): Filling {
    const list = this.#begin(source, [] as unknown[])
    return { parts: source, take: (item) => this.#push(list, item), finish: () => list }
  }

  #tuple(source: PickledTuple): Filling {
    const tuple = this.#begin(source, Object.setPrototypeOf([], Tuple.prototype))
    return {
      parts: source.items,
      take: (item) => this.#push(tuple, item),
      finish: () => Object.freeze(tuple),
    }
  }

  #set(source: PickledSet): Filling {
    const set = this.#begin(source, new Set<unknown>())
    return { parts: source.items, take: (item) => set.add(item), finish: () => set }
  }

  #dict(source: PickledDict): Filling {
    const isMap = source.pairs.some((key, at) => at % 2 === 0 && typeof key !== 'string')
    const dict = this.#begin(source, isMap ? new Map<unknown, unknown>() : {})
    let [key, places] = [undefined as unknown, 0]
    const take = (value: unknown): void => {
      places += 1
      if (places % 2 === 1) key = value
      else {
        this.#memory?.key(key, places / 2)
        if (dict instanceof Map) dict.set(key, value)
        else setOwn(dict, String(key), value)
      }
    }
    return { parts: source.pairs, take, finish: () => dict }
  }

  #object(source: PickledObject): Filling {
    const { module, name } = source.global
    const path = `${module}.${name}`
    const shell = isKnown(path) ? emptyObject() : this.#begin(source, emptyObject())
    const parts = [...source.args, source.state, ...source.items, ...source.pairs]
    const values: unknown[] = []
    const finish = (): unknown => {
      const read = this.#partsOf(source, values)
      const known = reviveKnown(path, read)
      if (known !== undefined) return known
      // What was put into an instance of a list or dict class follows its arguments.
      const args = [...read.args, ...nonEmpty(read.items), ...nonEmpty(read.entries).map(dictOf)]
      return Object.freeze(Object.assign(shell, { module, name, args, state: read.state }))
    }
    return { parts, take: (value) => this.#push(values, value), finish }
  }

  #partsOf({ args, items }: PickledObject, values: readonly unknown[]) {
    const entries: (readonly [unknown, unknown])[] = []
    const itemsAt = args.length + 1
    const pairsAt = itemsAt + items.length
    for (let at = pairsAt; at < values.length; at += 2) entries.push([values[at], values[at + 1]])
    return {
      args: values.slice(0, args.length),
      state: values[args.length],
      items: values.slice(itemsAt, pairsAt),
      entries,
    }
  }

  #push(list: unknown[], item: unknown): void {
    this.#memory?.item()
    list.push(item)
  }

  /** Makes the value known before it is filled, as what is inside may refer to it. */
  #begin<T extends object>(source: object, value: T): T {
    this.#revived.set(source, { value, weight: 0 })
    return value
  }

  #weigh(weight: number): void {
    this.#weight += weight
    if (this.#weight <= this.#maxWeight) return
    throw this.#reader.fail(
      `expected at most ${this.#maxWeight} values, shared ones counted each time`,
    )
  }
}

function weightOf(value: unknown): number {
  const long = typeof value === 'bigint' ? value.toString(16) : value
  const isLong = typeof long === 'string' || long instanceof Uint8Array
  return isLong ? 1 + Math.trunc(long.length / LONG_TEXT) : 1
}

function named({ module, name }: PickledGlobal): Filling {
  return { parts: [], take: () => undefined, finish: () => new PythonObject(module, name) }
}

/** A PythonObject still to be filled; its constructor would freeze it too early for one that holds itself. */
function emptyObject(): object {
  return Object.create(PythonObject.prototype)
}

function nonEmpty<T>(list: readonly T[]): (readonly T[])[] {
  return list.length === 0 ? [] : [list]
}
