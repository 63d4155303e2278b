import type { CommandFunction } from '../../control/mailbox.ts'
import type { Logger } from '../../logger.ts'
import type { App } from '../../tasks/app/app.ts'
import { isTrue } from './arguments.ts'
import type { ControlledWorker } from './controlled-worker.ts'
import { bugReport, configTable } from './worker-report.ts'
import { workerStats } from './worker-stats.ts'

interface WorkerCommandParts {
  readonly app: App
  readonly worker: ControlledWorker
  readonly logger: Logger
}

/** The commands about the worker itself, with Celery's names and answers. */
export function workerCommands(
  parts: WorkerCommandParts,
): readonly (readonly [string, CommandFunction])[] {
  const { app } = parts
  const startedAt = performance.now()
  const conf: CommandFunction = (args) => configTable(app.config, isTrue(args.with_defaults))
  return [
    ['ping', () => ({ ok: 'pong' })],
    ['clock', () => ({ clock: app.clock.value })],
    ['stats', () => workerStats(parts, (performance.now() - startedAt) / 1_000)],
    ['conf', conf],
    ['dump_conf', conf],
    ['report', () => ({ ok: bugReport(app) })],
    ['memsample', () => humanBytes(process.memoryUsage.rss())],
    [
      'memdump',
      () => pythonOnly('memdump', 'memsample, or a heap snapshot (node --heapsnapshot-signal)'),
    ],
    ['objgraph', () => pythonOnly('objgraph', 'a heap snapshot (node --heapsnapshot-signal)')],
    ['shutdown', () => shutDown(parts)],
  ]
}

function pythonOnly(command: string, instead: string): unknown {
  return {
    error: `${command} looks at the objects of Python, this worker has none: use ${instead}`,
  }
}

/** Unlike Python's, which is gone without an answer. */
function shutDown({ worker, logger }: WorkerCommandParts): unknown {
  logger.warn({}, 'shutdown requested by remote control')
  // After the answer, which is sent before the mailbox closes.
  worker.shutDown()
  return { ok: 'shutting down' }
}

const UNITS = [
  [2 ** 40, 'TB'],
  [2 ** 30, 'GB'],
  [2 ** 20, 'MB'],
  [2 ** 10, 'KB'],
] as const

/** "85.277MB", to five digits, as Celery has it. */
function humanBytes(bytes: number): string {
  const [size, unit] = UNITS.find(([least]) => bytes >= least) ?? [1, 'b']
  return `${Number((bytes / size).toPrecision(5))}${unit}`
}
