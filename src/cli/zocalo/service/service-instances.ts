import { startTimer } from '../../../async/timer.ts'
import { isDict, itemAtKey } from '../../../codecs/ordered-dict.ts'
import { UsageError } from '../../../errors.ts'
import { stopOnSignals } from '../../../lifecycle/stop-on-signals.ts'
import { livenessServer } from '../../../recipes/service/liveness.ts'
import { forkInstance } from '../../../services/instances/forked-instance.ts'
import { InstancePool } from '../../../services/instances/instance-pool.ts'
import { printError } from '../../output/output.ts'
import type { Site } from '../site.ts'

interface InstancesPlan {
  readonly name: string
  /** As commands over the broker name it. */
  readonly className: string
  readonly min: number
  readonly max: number
  readonly maxLifetimeMs: number | undefined
  readonly liveness: { readonly port: number; readonly timeoutMs: number } | undefined
  readonly pace: { readonly everyMs?: number; readonly idleMs?: number }
}

/** Keeps so many instances of the service, each a process, as the depth of its queues asks for. */
export async function runInstances(site: Site, plan: InstancesPlan): Promise<0 | 1> {
  const { name, min, max } = plan
  if (site.transportName !== 'PikaTransport') {
    throw new UsageError(
      `--min and --max need RabbitMQ between the instances, not ${site.transportName}`,
    )
  }
  await using transport = site.open(`${name} instances ${process.pid}`)
  const queues = new Set<string>()
  const depth = async (): Promise<number | null> => {
    const depths = [...queues].map(async (queue) => (await transport.depth?.(queue)) ?? 0)
    const waiting = await Promise.all(depths)
    return queues.size === 0 ? null : waiting.reduce((sum, messages) => sum + messages, 0)
  }
  const pool = new InstancePool({
    min,
    max,
    depth,
    log: site.log.logger('workflows.frontend'),
    start: () =>
      forkInstance((taken) => {
        for (const queue of taken) queues.add(queue)
      }),
    ...plan.pace,
  })
  await transport.connect()
  await transport.subscribeBroadcast('command', (_header, command) => {
    if (isShutdownOf([plan.className, name], command)) pool.stop()
  })
  const { liveness, maxLifetimeMs = Number.POSITIVE_INFINITY } = plan
  const isFree = async (): Promise<void> => void (await depth())
  const health = liveness === undefined ? null : livenessServer({ ...liveness, isFree })
  const lifetime = startTimer(maxLifetimeMs, () => pool.stop())
  const until = new AbortController()
  try {
    await health?.start()
    const running = pool.run()
    void stopOnSignals(
      {
        stop: async ({ graceMs }) => {
          pool.stop({ isAtOnce: graceMs === 0 })
          await running
        },
      },
      {
        until: until.signal,
        onSignal: () => printError(`${name}: ending its instances (again to end at once)`),
      },
    )
    printError(`${name} is running on ${site.transportName}, in ${min} to ${max} instances`)
    return await running
  } finally {
    lifetime.clear()
    until.abort()
    await health?.stop()
  }
}

function isShutdownOf(names: readonly string[], command: unknown): boolean {
  if (!isDict(command) || itemAtKey(command, 'command') !== 'shutdown') return false
  return (
    itemAtKey(command, 'host') === undefined &&
    names.includes(String(itemAtKey(command, 'service')))
  )
}
