import { networkFaults } from './network-faults.ts'
import { postgresFaults } from './postgres-faults.ts'
import { processFaults } from './process-faults.ts'
import { rabbitmqFaults } from './rabbitmq-faults.ts'
import { redisFaults } from './redis-faults.ts'
import type { Faults, Targets } from './targets.ts'

/** Every fault by its name: those of one process or network are there for each. */
export function faultsFor({ victims, proxies, disk }: Targets): Faults {
  return {
    ...networkFaults(proxies),
    ...processFaults(victims),
    ...rabbitmqFaults(),
    ...postgresFaults(disk),
    ...redisFaults(),
  }
}
