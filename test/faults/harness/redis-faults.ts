import { setTimeout as wait } from 'node:timers/promises'
import type { Seeds } from './seeds.ts'
import type { Faults, Redis } from './targets.ts'

/** What happens to a Redis, and what its operators do. */
export function redisFaults(): Faults {
  const between = async (
    redis: Redis,
    seeds: Seeds,
    commands: readonly [readonly string[], readonly string[]],
  ): Promise<void> => {
    await redis.ask(commands[0])
    await wait(seeds.between(1_000, 4_000))
    await redis.ask(commands[1])
  }
  return {
    'Redis full': async ({ redis }, seeds) =>
      between(redis, seeds, [
        ['CONFIG', 'SET', 'maxmemory', '1'],
        ['CONFIG', 'SET', 'maxmemory', '0'],
      ]),
    'Redis read-only': async ({ redis }, seeds) =>
      between(redis, seeds, [
        ['REPLICAOF', '127.0.0.1', '1'],
        ['REPLICAOF', 'NO', 'ONE'],
      ]),
    'Redis emptied': async ({ redis }) => {
      await redis.ask(['FLUSHDB'])
    },
    'all Redis connections closed': async ({ redis }) => {
      await redis.ask(['CLIENT', 'KILL', 'TYPE', 'normal'])
    },
  }
}
