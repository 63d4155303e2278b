import { FlowError } from '../../errors.ts'
import { WrappedFailure } from '../failures/failure.ts'

/** The run itself could not be made: the flow cannot be built, stored or loaded. What its atoms do wrong is not meant. */
export function isOwnFailure(error: unknown): boolean {
  return error instanceof FlowError && !(error instanceof WrappedFailure) && OWN.has(error.code)
}

const OWN: ReadonlySet<string> = new Set([
  'FLOW_INVALID',
  'FLOW_STATE_INVALID',
  'FLOW_STORE_FAILED',
])
