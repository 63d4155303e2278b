import { textOfError } from '../../text-of-error.ts'
/** One thing the doctor looked at. */
export interface Check {
  readonly name: string
  /** failed: an operator must act; noted: not checked, or worth knowing. */
  readonly state: 'ok' | 'failed' | 'noted'
  /** What is there, in words. */
  readonly found: string
  /** What to do. */
  readonly advice?: string
}

export function ok(name: string, found: string): Check {
  return { name, state: 'ok', found }
}

export function noted(name: string, found: string, advice?: string): Check {
  return advice === undefined
    ? { name, state: 'noted', found }
    : { name, state: 'noted', found, advice }
}

export function failed(name: string, error: unknown, advice: string): Check {
  const found = textOfError(error)
  return { name, state: 'failed', found, advice }
}
