import type { ByteReader } from '../byte-reader.ts'
import {
  PickledDict,
  PickledObject,
  PickledSet,
  PickledTuple,
  recordCall,
} from './pickle-values.ts'

/** The machine that a pickle is a program for: a stack with marks, and a memo. */
export class PickleStack {
  readonly #reader: ByteReader
  readonly #marks: unknown[][] = []
  readonly #memo = new Map<number, unknown>()
  #values: unknown[] = []

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  push(value: unknown): void {
    this.#values.push(value)
  }

  pop(): unknown {
    this.#need(1)
    return this.#values.pop()
  }

  /** The last values, taken off. */
  popMany(count: number): unknown[] {
    this.#need(count)
    return this.#values.splice(this.#values.length - count)
  }

  top(): unknown {
    this.#need(1)
    return this.#values.at(-1)
  }

  mark(): void {
    this.#marks.push(this.#values)
    this.#values = []
  }

  /** Everything since the last mark, taken off with it. */
  popToMark(): unknown[] {
    const below = this.#marks.pop()
    if (below === undefined) throw this.#reader.fail('expected a mark before this')
    const above = this.#values
    this.#values = below
    return above
  }

  /** Takes the top off: the last mark if nothing is above it. */
  discard(): void {
    if (this.#values.length === 0 && this.#marks.length > 0) this.popToMark()
    else this.pop()
  }

  memoize(key: number = this.#memo.size): void {
    this.#memo.set(key, this.top())
  }

  recall(key: number): void {
    if (!this.#memo.has(key)) throw this.#reader.fail(`expected something remembered as ${key}`)
    this.push(this.#memo.get(key))
  }

  append(items: readonly unknown[]): void {
    const list = this.top()
    if (list instanceof PickledObject || list instanceof PickledSet) addAll(list.items, items)
    else if (Array.isArray(list)) addAll(list, items)
    else throw this.#reader.fail('expected a list or a set to add to')
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top()
    if (!(dict instanceof PickledDict || dict instanceof PickledObject)) {
      throw this.#reader.fail('expected a dict to set keys of')
    }
    if (items.length % 2 !== 0) throw this.#reader.fail('expected a value for each key')
    addAll(dict.pairs, items)
  }

  /** Records a call instead of making it. */
  call(callee: unknown, args: unknown): void {
    if (!(args instanceof PickledTuple)) throw this.#reader.fail('expected a tuple of arguments')
    const object = recordCall(callee, args.items)
    if (object === undefined) throw this.#reader.fail('expected the name of what to call')
    this.push(object)
  }

  setState(state: unknown): void {
    const object = this.top()
    if (!(object instanceof PickledObject))
      throw this.#reader.fail('expected an object to give a state')
    object.state = state
  }

  #need(count: number): void {
    if (this.#values.length >= count) return
    throw this.#reader.fail(`expected ${count} values on the stack, found ${this.#values.length}`)
  }
}

function addAll(list: unknown[], items: readonly unknown[]): void {
  for (const item of items) list.push(item)
}
