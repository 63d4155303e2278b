import { ToolboxError } from './toolbox-error.ts'

export type FlowErrorCode =
  | 'FLOW_INVALID' // a flow cannot be built: cycles, duplicate names, symbols that no atom provides
  | 'FLOW_STATE_INVALID' // the engine or the flow is in a state in which this cannot be done
  | 'FLOW_FAILED' // several atoms failed, or one whose error was read back from storage
  | 'FLOW_VALUE_MISSING' // a value that an atom needs was not produced
  | 'FLOW_STORE_FAILED' // a flow cannot be stored or read back
  | 'FLOW_LEASE_LOST' // another process runs this flow now; this one stopped writing
  | 'JOB_FAILED' // a job cannot be posted, claimed, consumed, abandoned or trashed
  | 'JOB_UNKNOWN' // the board has no such job
  | 'JOB_CLAIMED' // another owner has claimed the job

/** A flow cannot be built, run, stored or posted. */
export class FlowError extends ToolboxError {
  declare readonly code: FlowErrorCode

  constructor(code: FlowErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
