import type { GlobalOptions } from '../app/open-app.ts'

/** What `celery-toolbox dev` is given. */
export interface DevOptions extends GlobalOptions {
  readonly once?: boolean
  readonly database?: string
  readonly data?: string
  readonly loglevel?: string
}
