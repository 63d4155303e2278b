import type { Contender, Scenario } from '../measure.ts'
import { Ends, Forwarder, type ForwarderKind } from './forwarder.ts'
import { roundTrips } from './round-trips.ts'

const NAMES: Readonly<Record<ForwarderKind, string>> = {
  bare: 'bare zeromq',
  block: 'celery-toolbox',
  arroyopy: 'arroyopy',
}
const KINDS = ['bare', 'block', 'arroyopy'] as const

/** Frames of 1 KiB and of 1 MB from a PUSH through a process to a PULL: a bare loop, a block, and a block of arroyopy. */
export async function streamsScenario(count: number): Promise<Scenario> {
  const cpuMs = new Map<string, number[]>()
  const [small, large] = [count * 5, Math.ceil(count / 40)]
  const idle = roundTrips(NAMES)
  return {
    name: 'streams',
    baseline: 'bare zeromq, 1 KiB',
    goals: [
      { ours: 'celery-toolbox, 1 KiB', than: 'bare zeromq, 1 KiB', atLeast: 0.6 },
      { ours: 'celery-toolbox, 1 KiB', than: 'arroyopy, 1 KiB', atLeast: 3 },
      { ours: 'celery-toolbox, 1 MB', than: 'arroyopy, 1 MB', atLeast: 1.5 },
    ],
    contenders: [
      ...KINDS.map((kind) => contender(kind, { size: '1 KiB', bytes: 1_024, count: small, cpuMs })),
      ...KINDS.map((kind) =>
        contender(kind, { size: '1 MB', bytes: 1_000_000, count: large, cpuMs }),
      ),
      { name: 'nothing between, 1 MB', run: () => joined(1_000_000, large) },
      ...idle.contenders,
    ],
    notes: () => [
      ...[...cpuMs].map(
        ([name, taken]) =>
          `${name}: ${(Math.min(...taken) * 1_000).toFixed(0)} µs of CPU time a frame`,
      ),
      ...idle.notes(),
    ],
    close: async () => undefined,
  }
}

interface Load {
  readonly size: string
  readonly bytes: number
  readonly count: number
  /** Of a frame, by contender. */
  readonly cpuMs: Map<string, number[]>
}

/** The process is started before, and warmed up until its code is compiled: neither is measured. */
function contender(kind: ForwarderKind, { size, bytes, count, cpuMs }: Load): Contender {
  const name = `${NAMES[kind]}, ${size}`
  return {
    name,
    run: async () => {
      const warmUp = Math.ceil(count / 5)
      const idleMs = await cpuOf(kind, (ends) => ends.carry(bytes, warmUp))
      let rate = 0
      const busyMs = await cpuOf(kind, async (ends) => {
        await ends.carry(bytes, warmUp)
        rate = await ends.carry(bytes, count)
      })
      cpuMs.set(name, [...(cpuMs.get(name) ?? []), (busyMs - idleMs) / count])
      return rate
    },
  }
}

async function joined(bytes: number, count: number): Promise<number> {
  const ends = Ends.joined()
  await ends.carry(bytes, Math.ceil(count / 5))
  const rate = await ends.carry(bytes, count)
  ends.stop()
  return rate
}

async function cpuOf(kind: ForwarderKind, work: (ends: Ends) => Promise<unknown>): Promise<number> {
  const forwarder = await Forwarder.start(kind)
  const ends = new Ends(forwarder)
  await work(ends)
  ends.stop()
  return await forwarder.stop()
}
