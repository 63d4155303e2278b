import type { Config } from '../../config/config.ts'
import { EVENTS_HEADER } from '../../protocol/events/events.ts'
import { eventRecord } from '../events/event-record.ts'
import { mirrorRecordOf } from '../mirror/mirror-record.ts'
import type { Problem } from '../mirror/types.ts'
import { WorkQueues } from '../mirror/work-queues.ts'
import { type Altered, Privacy, type PrivacySettings } from '../privacy/privacy.ts'
import { type Ingested, isEventRecord } from '../recording/ingested.ts'
import { type KeptRow, keptDelivery } from './kept-message.ts'

export type ReadAgainConfig = Pick<Config, 'platformQueue' | 'topology'> &
  Partial<Pick<Config, 'TOPOLOGY'>> &
  PrivacySettings

export interface StillWrong {
  readonly row: KeptRow
  readonly problem: Problem
}

/** Reads a kept message as a monitor of this version reads it when it is delivered. */
export function readerOf(config: ReadAgainConfig): (row: KeptRow) => Promise<Ingested> {
  const queues = new WorkQueues(config.topology(), config.platformQueue, config.TOPOLOGY)
  const privacy = new Privacy(config)
  return async (row) => {
    const delivery = keptDelivery(row)
    const options = { privacy, receivedAtMs: row.received_at_ms }
    const isCopy =
      row.queue === config.platformQueue && delivery.message.headers[EVENTS_HEADER] === undefined
    const one = isCopy
      ? await mirrorRecordOf(delivery, queues, options)
      : await eventRecord(delivery, options)
    return asItCame(one, row)
  }
}

/** By the digest it had when it came, a copy is recognised; what was taken out then is missing still. */
function asItCame(one: Ingested, { altered, digest }: KeptRow): Ingested {
  if (isEventRecord(one)) return one
  const message = {
    ...one.message,
    digest: digest ?? one.message.digest,
    ...(altered !== null && { altered: both(altered, one.message.altered) }),
  }
  return { ...one, message }
}

function both(then: Altered, now: Altered = {}): Altered {
  const redacted = [...new Set([...(then.redacted ?? []), ...(now.redacted ?? [])])]
  return { ...then, ...now, ...(redacted.length > 0 && { redacted }) }
}

/** Null where it can be recorded now. */
export function stillWrong(row: KeptRow, one: Ingested): StillWrong | null {
  const { code, altered } = row
  if (altered?.dropped !== undefined)
    return { row, problem: { code, reason: 'its body was not kept' } }
  return one.problem === null ? null : { row, problem: one.problem }
}
