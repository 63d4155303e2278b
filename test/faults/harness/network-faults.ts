import { setTimeout as wait } from 'node:timers/promises'
import type { TcpProxy } from './proxy.ts'
import type { Seeds } from './seeds.ts'
import type { Faults } from './targets.ts'

/** What networks do, on the way to each server. */
export function networkFaults(proxies: Readonly<Record<string, TcpProxy>>): Faults {
  return Object.assign(
    {},
    ...Object.entries(proxies).map(([name, proxy]) => onTheWayTo(name, proxy)),
  )
}

function onTheWayTo(name: string, proxy: TcpProxy): Faults {
  const forSeconds = async (seeds: Seeds, set: (isOn: boolean) => void): Promise<void> => {
    set(true)
    await wait(seeds.between(1_000, 4_000))
    set(false)
  }
  return {
    [`${name} connections dropped`]: async () => proxy.drop(),
    [`${name} half open`]: async () => proxy.halfOpen(),
    [`${name} corrupted`]: async () => proxy.corrupt(2),
    [`${name} stalled`]: async (_, seeds) => forSeconds(seeds, (isOn) => proxy.stall(isOn)),
    [`${name} silent`]: async (_, seeds) => forSeconds(seeds, (isOn) => proxy.silence(isOn)),
    [`${name} refused`]: async (_, seeds) =>
      forSeconds(seeds, (isOn) => {
        proxy.refuse(isOn)
        if (isOn) proxy.drop()
      }),
  }
}
