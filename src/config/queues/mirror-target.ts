import type { Topology } from '../../protocol/routing/topology.ts'
import type { Config } from '../config.ts'

type MirrorSettings = Pick<Config, 'TOPOLOGY' | 'MIRROR' | 'platformQueue' | 'mirrorTopology'>

/** Where those who publish send a copy of each message themselves: only where no exchange makes it. */
export function mirrorTarget(
  config: MirrorSettings,
): { readonly queue: string; readonly topology: Topology } | undefined {
  if (config.TOPOLOGY !== 'celery' || !config.MIRROR) return undefined
  return { queue: config.platformQueue, topology: config.mirrorTopology() }
}
