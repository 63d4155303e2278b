import type { ByteReader } from '../byte-reader.ts'
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

/** Turns what the pickle machine left into plain values. What was shared stays shared, also in a circle. */
export function revivePickled(value: unknown, reader: ByteReader): unknown {
  return new Reviver(reader).revive(value)
}

const MAX_DEPTH = 900
/** A small pickle can share one list so often that walking its value would never end. */
const MAX_WEIGHT = 20_000_000

interface Revived {
  readonly value: unknown
  readonly weight: number
}

class Reviver {
  readonly #reader: ByteReader
  readonly #revived = new Map<object, Revived>()
  #depth = 0
  #weight = 0

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  revive(value: unknown): unknown {
    this.#weigh(1)
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    const before = this.#revived.get(value)
    if (before === undefined) return this.#container(value)
    this.#weigh(before.weight)
    return before.value
  }

  #container(source: object): unknown {
    if (this.#depth >= MAX_DEPTH)
      throw this.#reader.fail(`expected at most ${MAX_DEPTH} levels of nesting`)
    const start = this.#weight
    this.#depth += 1
    const value = this.#fill(source)
    this.#depth -= 1
    this.#revived.set(source, { value, weight: this.#weight - start })
    return value
  }

  #fill(source: object): unknown {
    if (source instanceof PickledDict) return this.#dict(source)
    if (source instanceof PickledTuple) return this.#tuple(source)
    if (source instanceof PickledSet) return this.#set(source)
    if (source instanceof PickledGlobal) return new PythonObject(source.module, source.name)
    if (source instanceof PickledObject) return this.#object(source)
    return this.#list(source as unknown[])
  }

  #list(source: readonly unknown[]): unknown[] {
    const list = this.#begin(source, [] as unknown[])
    for (const item of source) list.push(this.revive(item))
    return list
  }

  #tuple(source: PickledTuple): unknown {
    const tuple = this.#begin(source, Object.setPrototypeOf([], Tuple.prototype))
    for (const item of source.items) tuple.push(this.revive(item))
    return Object.freeze(tuple)
  }

  #set(source: PickledSet): Set<unknown> {
    const set = this.#begin(source, new Set<unknown>())
    for (const item of source.items) set.add(this.revive(item))
    return set
  }

  #dict(source: PickledDict): object {
    if (source.entries.some(([key]) => typeof key !== 'string')) {
      const map = this.#begin(source, new Map<unknown, unknown>())
      for (const [key, value] of source.entries) map.set(this.revive(key), this.revive(value))
      return map
    }
    const object = this.#begin(source, {})
    for (const [key, value] of source.entries) setOwn(object, String(key), this.revive(value))
    return object
  }

  #object(source: PickledObject): unknown {
    const { module, name } = source.global
    const shell = isKnown(`${module}.${name}`) ? emptyObject() : this.#begin(source, emptyObject())
    const parts = {
      args: this.#list(source.args),
      state: this.revive(source.state),
      items: this.#list(source.items),
      entries: source.entries.map(
        ([key, value]) => [this.revive(key), this.revive(value)] as const,
      ),
    }
    const known = reviveKnown(`${module}.${name}`, parts)
    if (known !== undefined) return known
    // What was put into an instance of a list or dict class follows its arguments.
    const args = [...parts.args, ...nonEmpty(parts.items), ...nonEmpty(parts.entries).map(dictOf)]
    return Object.freeze(Object.assign(shell, { module, name, args, state: parts.state }))
  }

  /** Makes the value known before it is filled, as what is inside may refer to it. */
  #begin<T extends object>(source: object, value: T): T {
    this.#revived.set(source, { value, weight: 0 })
    return value
  }

  #weigh(weight: number): void {
    this.#weight += weight
    if (this.#weight > MAX_WEIGHT) throw this.#reader.fail(`expected at most ${MAX_WEIGHT} values`)
  }
}

/** A PythonObject still to be filled; its constructor would freeze it too early for one that holds itself. */
function emptyObject(): object {
  return Object.create(PythonObject.prototype)
}

function nonEmpty<T>(list: readonly T[]): (readonly T[])[] {
  return list.length === 0 ? [] : [list]
}
