import { InvalidState } from '../failures/flow-errors.ts'

export type FlowState =
  | 'PENDING'
  | 'RUNNING'
  | 'SUSPENDING'
  | 'SUSPENDED'
  | 'RESUMING'
  | 'SUCCESS'
  | 'FAILURE'
  | 'REVERTED'

export type AtomState =
  | 'PENDING'
  | 'IGNORE'
  | 'RUNNING'
  | 'SUCCESS'
  | 'FAILURE'
  | 'REVERTING'
  | 'REVERTED'
  | 'REVERT_FAILURE'
  | 'RETRYING'

export type Intention = 'EXECUTE' | 'IGNORE' | 'REVERT' | 'RETRY'

/** A flow in such a state is done. */
export const ENDS: ReadonlySet<FlowState> = new Set(['SUCCESS', 'FAILURE', 'REVERTED'])

const FLOW_TRANSITIONS: Readonly<Record<FlowState, readonly FlowState[]>> = {
  PENDING: ['RUNNING'],
  RUNNING: ['SUCCESS', 'FAILURE', 'REVERTED', 'SUSPENDING', 'RESUMING'],
  SUSPENDING: ['SUSPENDED', 'SUCCESS', 'FAILURE', 'REVERTED', 'RESUMING'],
  SUSPENDED: ['RUNNING'],
  RESUMING: ['SUSPENDED'],
  SUCCESS: ['RUNNING', 'PENDING'],
  FAILURE: ['RUNNING'],
  REVERTED: ['PENDING'],
}

/** Asked of a flow that is at rest, these change nothing. */
const IGNORED_AT_REST: ReadonlySet<FlowState> = new Set(['SUSPENDING', 'SUSPENDED', 'RESUMING'])
const AT_REST: ReadonlySet<FlowState> = new Set([
  'PENDING',
  'FAILURE',
  'SUCCESS',
  'SUSPENDED',
  'REVERTED',
])

/** Whether the flow is to change its state; throws where it may not. */
export function changesFlow(from: FlowState, to: FlowState): boolean {
  if (from === to) return false
  if (FLOW_TRANSITIONS[from].includes(to)) return true
  if (AT_REST.has(from) && IGNORED_AT_REST.has(to)) return false
  throw new InvalidState(`a flow cannot change from ${from} to ${to}`)
}

/** Whether an atom in this state may run its execute. */
export function mayExecute(kind: 'task' | 'retry', state: AtomState): boolean {
  return state === 'PENDING' || (kind === 'retry' && state === 'RETRYING')
}

/** Whether an atom in this state may be reverted. */
export function mayRevert(state: AtomState): boolean {
  return state === 'SUCCESS' || state === 'FAILURE'
}

/** Done, as far as what follows is concerned. */
export function isPassed(state: AtomState, intention: Intention): boolean {
  return (
    (state === 'SUCCESS' || state === 'IGNORE') &&
    (intention === 'EXECUTE' || intention === 'IGNORE')
  )
}

/** Out of the way of a revert of what came before. */
export function isUndone(state: AtomState): boolean {
  return state === 'PENDING' || state === 'REVERTED' || state === 'IGNORE'
}
