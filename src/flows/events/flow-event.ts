import { nextSeconds } from '../../events/event-fields.ts'
import type { NoticeContext } from '../engine/ledger/notice-context.ts'
import type { Notice } from '../engine/ledger/transitions.ts'
import { Failure } from '../failures/failure.ts'
import { isRemote } from '../remote/remote.ts'
import type { FlowEvent } from '../storage/flow-store.ts'

type EventOf = (notice: Notice, context: NoticeContext) => FlowEvent | undefined

/**
 * The events of a run, from which the monitor makes a family: the flow is its root, each attempt at a step (execute or
 * revert) a member, whose parent is the step before.
 */
export function flowEvents(): EventOf {
  return (notice, context) => {
    if (notice.type === 'flow') return flowEvent(notice.notice, context)
    return notice.type === 'progress' ? undefined : stepEvent(notice, context)
  }
}

function flowEvent(
  { state, oldState, name, flowId }: Extract<Notice, { type: 'flow' }>['notice'],
  { flow, failures, failureTree }: NoticeContext,
): FlowEvent | undefined {
  const type = FLOW_TYPES.get(state)
  if (type === undefined) return undefined
  const hasFailed = state === 'REVERTED' || state === 'FAILURE'
  return {
    type,
    fields: {
      ...stamp(),
      uuid: flowId,
      root_id: flowId,
      name,
      version: flow.version,
      state,
      old_state: oldState,
      ...(state === 'SUSPENDED' && { waits_for: flow.meta.waitsFor ?? null }),
      ...(hasFailed && { exception: failures().map(String).join('\n'), traceback: failureTree() }),
    },
  }
}

function stepEvent(
  { notice }: Exclude<Notice, { type: 'flow' | 'progress' }>,
  { flow, atom, step, before, failureTree }: NoticeContext,
): FlowEvent | undefined {
  const type = STEP_TYPES.get(notice.state)
  if (type === undefined || atom === undefined || step === undefined) return undefined
  const { result, state } = notice
  const isRevert = REVERTS.has(state)
  const { options } = step as { options?: { execute?: unknown; revert?: unknown } }
  const isElsewhere = isRemote(isRevert ? options?.revert : options?.execute)
  const attemptId = state === 'IGNORE' ? atom.id : atom.meta.attemptId
  return {
    type,
    fields: {
      ...stamp(),
      uuid: attemptId ?? atom.id,
      root_id: flow.id,
      parent_id: before,
      name: isRevert ? `${atom.name} (revert)` : atom.name,
      flow: flow.name,
      step: atom.name,
      step_kind: atom.kind,
      state,
      old_state: notice.oldState,
      // Its message, and the worker that runs it, tell how it goes.
      ...(isElsewhere && { is_remote: true }),
      ...(result instanceof Failure && {
        exception: String(result),
        traceback: [result.traceback, failureTree(atom.name)].filter(Boolean).join('\n'),
      }),
    },
  }
}

/** When it happened, however much later it is sent. */
function stamp(): { readonly timestamp: number } {
  return { timestamp: nextSeconds() }
}

const FLOW_TYPES: ReadonlyMap<string, string> = new Map([
  ['RUNNING', 'flow-started'],
  ['SUSPENDED', 'flow-suspended'],
  ['SUCCESS', 'flow-succeeded'],
  ['REVERTED', 'flow-reverted'],
  ['FAILURE', 'flow-failed'],
])

const STEP_TYPES: ReadonlyMap<string, string> = new Map([
  ['RUNNING', 'flow-step-started'],
  ['SUCCESS', 'flow-step-succeeded'],
  ['FAILURE', 'flow-step-failed'],
  ['REVERTING', 'flow-step-reverting'],
  ['REVERTED', 'flow-step-reverted'],
  ['REVERT_FAILURE', 'flow-step-revert-failed'],
  ['IGNORE', 'flow-step-ignored'],
])

const REVERTS: ReadonlySet<string> = new Set(['REVERTING', 'REVERTED', 'REVERT_FAILURE'])
