import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a process takes: MiB of memory, and how many it holds open of each. */
export type Taken = Readonly<Record<string, number>>

/** What each process took in one minute, by its name. */
export type Minute = Readonly<Record<string, Taken>>

const MEBIBYTE = 1_048_576
/** A cache fills, the compiler keeps what it has made. */
const MEMORY_GROWTH = { factor: 1.1, mebibytes: 8 }
/** A timer or a socket may be there between two turns of something that comes and goes. */
const HANDLES_GROWTH = 4

/** Takes down what processes take, minute by minute: the least of each minute, as rubbish is not what is held. */
export class SoakLog {
  readonly #folder: string
  readonly #minutes: Minute[] = []
  #least: Record<string, Taken> = {}

  constructor(folder: string) {
    this.#folder = folder
  }

  get minutes(): readonly Minute[] {
    return this.#minutes
  }

  look(): void {
    for (const [process, taken] of Object.entries(takenNow(this.#folder))) {
      const before = this.#least[process] ?? {}
      const least = Object.entries(taken).map(([what, count]) => [
        what,
        Math.min(before[what] ?? count, count),
      ])
      this.#least[process] = Object.fromEntries(least)
    }
  }

  /** Ends a minute, and tells of it in a line. */
  endMinute(): string {
    const minute = this.#least
    this.#least = {}
    this.#minutes.push(minute)
    const processes = Object.entries(minute).map(([name, taken]) => `${name} ${textOf(taken)}`)
    return `soak: minute ${this.#minutes.length}: ${processes.join('; ')}`
  }
}

/** What has grown from the second third of the time to the last: the first is to warm up. */
export function grown(minutes: readonly Minute[]): readonly string[] {
  const third = Math.ceil(minutes.length / 3)
  const [early, late] = [minutes.slice(third, 2 * third), minutes.slice(2 * third)]
  return Object.entries(late.at(-1) ?? {}).flatMap(([process, taken]) =>
    Object.keys(taken).flatMap((what) => {
      const [from, to] = [median(early, process, what), median(late, process, what)]
      return to > mostFor(what, from) ? [`${process}: ${what} from ${from} to ${to}`] : []
    }),
  )
}

function mostFor(what: string, from: number): number {
  return what.endsWith('MiB')
    ? from * MEMORY_GROWTH.factor + MEMORY_GROWTH.mebibytes
    : from + HANDLES_GROWTH
}

function median(minutes: readonly Minute[], process: string, what: string): number {
  const counts = minutes.map((minute) => minute[process]?.[what] ?? 0).toSorted((a, b) => a - b)
  return counts[counts.length >> 1] ?? 0
}

function textOf(taken: Taken): string {
  return Object.entries(taken)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')
}

function takenNow(folder: string): Minute {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return Object.fromEntries(
    files.flatMap((file) => {
      const taken = takenIn(join(folder, file))
      return taken === undefined ? [] : [[file.slice(0, -5), taken]]
    }),
  )
}

/** As programs/inside.mjs writes it. */
function takenIn(file: string): Taken | undefined {
  try {
    const { memory, descriptors, listeners, Timeout = 0 } = JSON.parse(readFileSync(file, 'utf8'))
    return {
      MiB: Math.round(memory.rss / MEBIBYTE),
      'heap MiB': Math.round(memory.heapUsed / MEBIBYTE),
      descriptors,
      timers: Timeout,
      listeners,
    }
  } catch {
    return undefined // it is being written
  }
}
