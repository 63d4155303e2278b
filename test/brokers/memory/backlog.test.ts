import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backlog } from '../../../src/brokers/memory/server/backlog.ts'
import type { QueueEntry } from '../../../src/brokers/memory/server/stored-message.ts'

type Step =
  | { readonly do: 'push'; readonly priority: number }
  | { readonly do: 'take' }
  | { readonly do: 'putBack'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('push' as const), priority: fc.nat(3) }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('putBack' as const), which: fc.nat(20) }),
)

test('whatever is taken and put back comes in the order it was pushed, higher priorities first', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const model = new Model()
      for (const each of steps) model.apply(each)
    }),
  )
})

/** Does the same with a plain list, sorted each time, and compares. */
class Model {
  readonly #backlog = new Backlog(3)
  readonly #waiting: QueueEntry[] = []
  readonly #taken: QueueEntry[] = []
  #position = 0

  apply(each: Step): void {
    if (each.do === 'push') this.#push(each.priority)
    else if (each.do === 'take') this.#take()
    else this.#putBack(each.which)
    expect(this.#backlog.size).toBe(this.#waiting.length)
  }

  #push(priority: number): void {
    this.#position += 1
    const entry = entryAt(this.#position, priority)
    this.#backlog.push(entry)
    this.#waiting.push(entry)
  }

  #take(): void {
    const expected = next(this.#waiting)
    expect(this.#backlog.take()).toBe(expected)
    if (expected === undefined) return
    this.#taken.push(...this.#waiting.splice(this.#waiting.indexOf(expected), 1))
  }

  #putBack(which: number): void {
    const [entry] = this.#taken.splice(which % Math.max(1, this.#taken.length), 1)
    if (entry === undefined) return
    this.#backlog.putBack(entry)
    this.#waiting.push(entry)
  }
}

function next(waiting: readonly QueueEntry[]): QueueEntry | undefined {
  return [...waiting].sort((a, b) => b.priority - a.priority || a.position - b.position)[0]
}

function entryAt(position: number, priority: number): QueueEntry {
  const stored = {
    headers: Buffer.alloc(4),
    properties: {},
    body: Buffer.alloc(0),
    route: { exchange: '', routingKey: '' },
  }
  return { stored, position, priority, expiresAt: Number.POSITIVE_INFINITY, deliveries: 0 }
}
