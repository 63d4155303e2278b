import { isRecord } from '../protocol/field-readers.ts'
import { timeSpanMs } from '../time-span.ts'
import { unfit, type ValueType } from './resolve/value-types.ts'

const KINDS = ['tasks', 'failures', 'unfinished', 'messages', 'events', 'quarantine'] as const

/** For how long what is kept, as "30d" or seconds; what is absent or null is kept for ever. */
type RetentionSpans = {
  readonly [Kind in (typeof KINDS)[number]]?: string | number | null | undefined
}

export const retentionSpans: ValueType<RetentionSpans> = {
  name: `a dict of spans such as '30d' for ${KINDS.join(', ')}`,
  environmentText: 'literal',
  read: (value) => {
    if (!isRecord(value)) return unfit
    const fits = Object.entries(value).every(
      ([kind, span]) => KINDS.some((one) => one === kind) && isSpan(span),
    )
    return fits ? value : unfit
  },
}

/** Milliseconds; undefined where nothing is said, and so nothing goes. */
export function retentionMs(span: string | number | null | undefined): number | undefined {
  if (span === null || span === undefined) return undefined
  return typeof span === 'number' ? span * 1_000 : timeSpanMs(span)
}

function isSpan(span: unknown): boolean {
  if (span === null) return true
  if (typeof span === 'string') return timeSpanMs(span) !== undefined
  return typeof span === 'number' && span > 0
}
