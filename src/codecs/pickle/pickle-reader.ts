import type { Divisible } from '../../async/slices.ts'
import { ByteReader } from '../byte-reader.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { OPERATIONS } from './pickle-opcodes.ts'
import { Reviver } from './pickle-revive.ts'
import { PickleStack } from './pickle-stack.ts'

/**
 * Reads a pickle of protocol 0 to 5 without running anything in it. Plain data and a short list of well-known
 * classes become values; any other class becomes a `PythonObject`, which only records what was there.
 */
export function readPickle(bytes: Uint8Array): unknown {
  const reading = new PickleReading(bytes)
  reading.advance(Number.POSITIVE_INFINITY)
  return reading.result()
}

/** The same a little at a time, within a budget of memory. */
export class PickleReading implements Divisible<unknown> {
  readonly #reader: ByteReader
  readonly #stack: PickleStack
  readonly #memory: MemoryBudget | undefined
  #reviver: Reviver | undefined
  #step = 'start'
  #stepAt = 0

  constructor(bytes: Uint8Array, memory?: MemoryBudget) {
    const place = (): string => `pickle at byte ${this.#stepAt} (${this.#step})`
    this.#reader = new ByteReader(bytes, place)
    this.#stack = new PickleStack(this.#reader)
    this.#memory = memory
  }

  advance(steps: number): boolean {
    let left = steps
    for (; left > 0 && this.#reviver === undefined; left -= 1) this.#runOperation()
    return this.#reviver?.advance(left) ?? false
  }

  result(): unknown {
    return this.#reviver?.result()
  }

  #runOperation(): void {
    const reader = this.#reader
    this.#stepAt = reader.at
    this.#step = 'end'
    const code = reader.byte()
    if (code === STOP) {
      this.#stop()
      return
    }
    const operation = OPERATIONS[code]
    if (operation === undefined)
      throw reader.fail(`expected an operation, found the byte 0x${code.toString(16)}`)
    this.#step = operation.name
    operation.run(this.#stack, reader)
    // What was read of it is the text that it made, as a rule.
    const read = reader.at - this.#stepAt
    this.#memory?.bytes(operation.cost + (read > SHORT ? read : 0))
  }

  #stop(): void {
    this.#step = 'STOP'
    this.#reviver = new Reviver(this.#stack.pop(), this.#reader, this.#memory)
  }
}

const STOP = 0x2e
/** Numbers are no longer. */
const SHORT = 9
