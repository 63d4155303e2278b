import { setTimeout as wait } from 'node:timers/promises'
import type { Process } from '../support/processes.ts'
import { startBroker, stopBroker } from '../support/rabbitmqctl.ts'

/** A worker that can be ended at any time, and started anew. */
export interface Victim {
  readonly name: string
  readonly start: () => Promise<Process>
  process: Process
}

/** A restart takes seconds, in which nothing else happens; the tenth would show no more than the fifth. */
const MOST_RESTARTS = 5

type Fault = (victim: Victim) => Promise<void>

const RESTART = 'broker restart'

const FAULTS: Readonly<Record<string, Fault>> = {
  'kill -9': async (victim) => {
    // The whole group: a pool's processes die with it.
    process.kill(-victim.process.pid, 'SIGKILL')
    await victim.process.exited
    victim.process = await victim.start()
  },
  SIGTERM: async (victim) => {
    await victim.process.stop('SIGTERM')
    victim.process = await victim.start()
  },
  [RESTART]: async () => {
    await stopBroker()
    await startBroker()
  },
}

interface Happened {
  readonly name: string
  /** The worker that was hit; undefined where all were. */
  readonly worker: number | undefined
  readonly from: number
  readonly to: number
}

/** So long may a message stay unacknowledged after its task began: results are stored in batches, on busy machines. */
const IN_FLIGHT_MS = 15_000

/** Faults at random moments, one after the other, in an order that the seed decides. */
export class Faults {
  readonly #random: () => number
  readonly #victims: readonly Victim[]
  readonly #happened: Happened[] = []
  readonly #stopping = new AbortController()

  constructor(seed: number, victims: readonly Victim[]) {
    this.#random = randomNumbers(seed)
    this.#victims = victims
  }

  /** Until told to stop: each kind of fault once, then as it comes. */
  async goOn(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await wait(100 + this.#random() * 1_400, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.#strike()
    }
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** Whether a fault may have hit that worker while what it began at `first` was in flight, and before `second`. */
  hit(worker: number, first: number, second: number): boolean {
    return this.#happened.some(
      (fault) =>
        (fault.worker === undefined || fault.worker === worker) &&
        fault.to >= first &&
        fault.from <= Math.min(second, first + IN_FLIGHT_MS),
    )
  }

  summary(): string {
    const counts = new Map<string, number>()
    for (const { name } of this.#happened) counts.set(name, (counts.get(name) ?? 0) + 1)
    return [...counts].map(([name, count]) => `${count} × ${name}`).join(', ')
  }

  async #strike(): Promise<void> {
    const restarts = this.#happened.filter(({ name }) => name === RESTART).length
    const names = Object.keys(FAULTS).filter((name) => name !== RESTART || restarts < MOST_RESTARTS)
    const name = names[this.#happened.length] ?? this.#pick(names)
    const victim = this.#pick(this.#victims)
    const [from, { pid }] = [Date.now(), victim.process]
    await FAULTS[name]?.(victim)
    const fault = { from, to: Date.now() }
    if (name === RESTART) this.#happened.push({ ...fault, name, worker: undefined })
    else this.#happened.push({ ...fault, name: `${name} of ${victim.name}`, worker: pid })
  }

  #pick<Value>(values: readonly Value[]): Value {
    // The index is below the length.
    return values[Math.floor(this.#random() * values.length)] as Value
  }
}

/** Mulberry32: enough for a test, and the same numbers from the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
