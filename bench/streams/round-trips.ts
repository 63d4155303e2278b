import { setTimeout as sleep } from 'node:timers/promises'
import { Pull, Push } from 'zeromq'
import { type Contender, median } from '../measure.ts'
import { Forwarder, type ForwarderKind } from './forwarder.ts'

const WARM_UP = 100
const TRIPS = 500
const GOAL_MS = 2

/** One frame at a time through an idle process: the 99th percentile of a block beside that of bare sockets. */
export function roundTrips(names: Readonly<Record<ForwarderKind, string>>): {
  readonly contenders: readonly Contender[]
  notes(): readonly string[]
} {
  const samples: Record<'bare' | 'block', number[]> = { bare: [], block: [] }
  const kinds = ['bare', 'block'] as const
  return {
    contenders: kinds.map((kind) => ({
      name: `${names[kind]}, idle`,
      run: async () => {
        const taken = await measured(kind)
        samples[kind].push(...taken)
        return 1_000 / median(taken)
      },
    })),
    notes: () => {
      const [bare, block] = [p99(samples.bare), p99(samples.block)]
      const verdict = block - bare < GOAL_MS ? 'met' : 'MISSED'
      return [
        `idle, p99: block ${block.toFixed(2)} ms, bare ${bare.toFixed(2)} ms, goal ${GOAL_MS} ms above (${verdict})`,
      ]
    },
  }
}

/** In this process: one frame at a time costs it little. */
async function measured(kind: 'bare' | 'block'): Promise<number[]> {
  const forwarder = await Forwarder.start(kind)
  const [push, pull] = [new Push(), new Pull()]
  await pull.bind(forwarder.to)
  push.connect(forwarder.from)
  const frame = Buffer.alloc(1_024)
  const taken: number[] = []
  for (let trip = -WARM_UP; trip < TRIPS; trip += 1) {
    const startedAt = performance.now()
    await push.send(frame)
    await pull.receive()
    if (trip < 0) continue
    taken.push(performance.now() - startedAt)
    await sleep(2)
  }
  push.close()
  pull.close()
  await forwarder.stop()
  return taken
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}
