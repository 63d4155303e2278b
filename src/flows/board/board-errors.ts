import { FlowError, type FlowErrorCode } from '../../errors.ts'

/** A job cannot be posted, or is not the caller's to consume, abandon or trash. */
export class JobFailure extends FlowError {
  constructor(message: string, options: ErrorOptions & { readonly code?: FlowErrorCode } = {}) {
    super(options.code ?? 'JOB_FAILED', message, options)
  }
}

/** Another owner has the job. */
export class UnclaimableJob extends JobFailure {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'JOB_CLAIMED' })
  }
}

/** There is no such job any more. */
export class JobNotFound extends JobFailure {
  constructor(message: string) {
    super(message, { code: 'JOB_UNKNOWN' })
  }
}
