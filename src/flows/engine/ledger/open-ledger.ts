import type { Logger } from '../../../logger.ts'
import type { Task } from '../../atoms/task.ts'
import type { Compilation } from '../../compilation/compile.ts'
import type { Flow } from '../../patterns/flow.ts'
import { outlineOf } from '../../storage/outline.ts'
import type { FlowRecord } from '../../storage/records.ts'
import type { EngineOptions } from '../engine-options.ts'
import { failureTree } from '../failure-tree.ts'
import { Ledger } from './ledger.ts'
import { noticeContext } from './notice-context.ts'
import type { Notifier } from './notifier.ts'

interface OpenedRun {
  readonly flow: Flow | Task
  readonly flowId: string
  readonly compilation: Compilation
  readonly options: EngineOptions
  readonly notifier: Notifier
  readonly logger: Logger
}

/** The records of a run, as they are stored, or new ones; logs where the flow differs from the one that was stored. */
export async function openLedger(run: OpenedRun): Promise<Ledger> {
  const { flow, compilation, notifier, logger } = run
  const { persist, epoch, eventOf, onEvent, store } = run.options
  const stored = await persist?.load(run.flowId)
  const ledger: Ledger = new Ledger(stored?.flow ?? newRecord(run), stored, {
    compilation,
    notifier,
    store: persist,
    epoch,
    eventOf:
      eventOf && ((notice) => eventOf(notice, noticeContext(notice, { compilation, ledger }))),
    onEvent,
    explain: persist && ((name) => failureTree(name, { compilation, ledger })),
  })
  const { missing, isAltered } = ledger
  if (missing.length > 0) {
    logger.warn(
      { flow: ledger.flow.name, atoms: missing },
      'stored atoms are no longer part of the flow',
    )
  }
  noteVersion(ledger.flow, versionOf(flow), logger)
  const outline = persist !== undefined && isAltered ? outlineOf(flow) : undefined
  if (store !== undefined || outline !== undefined) ledger.inject(store ?? {}, outline)
  return ledger
}

function newRecord({ flow, flowId, options: { source } }: OpenedRun): FlowRecord {
  const meta = source === undefined ? {} : { source }
  return { id: flowId, name: flow.name, version: versionOf(flow), state: 'PENDING', meta }
}

function versionOf(flow: Flow | Task): string | null {
  return 'version' in flow ? (flow.version ?? null) : null
}

/** Logs that a stored run continues with another version of its flow, and stores the versions before. */
function noteVersion(record: FlowRecord, version: string | null, logger: Logger): void {
  if (record.version === version) return
  const { versions = [] } = record.meta as { versions?: readonly unknown[] }
  logger.warn(
    { flow: record.name, version, storedVersion: record.version },
    'the run resumes with another version of its flow',
  )
  record.meta.versions = [...versions, record.version]
  record.version = version
}
