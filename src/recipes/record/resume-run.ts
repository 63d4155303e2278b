import { decodeJson } from '../../codecs/json/json.ts'
import { entriesOf, isDict } from '../../codecs/ordered-dict.ts'
import { countText } from '../../count-text.ts'
import type { Connection } from '../../database/database.ts'
import type { Transport } from '../transport/transport.ts'
import { idOfText } from './message-id.ts'

/** A step of a recorded run that did not finish. */
export interface UnfinishedStep {
  readonly id: string
  readonly name: string
  readonly state: string
  /** Seconds since its last report. */
  readonly quietSeconds: number
  /** Null where its message was too long to be kept, was sent by what keeps none, or is not what was sent (REDACT). */
  readonly sent: SentMessage | null
}

interface SentMessage {
  readonly message: string
  readonly headers: string
  readonly target?: string
  readonly topic?: string
  readonly exchange?: string
}

interface Row extends Omit<UnfinishedStep, 'sent'> {
  readonly fields: Partial<SentMessage> | null
}

/** In the order in which they were sent. */
export async function unfinishedSteps(
  database: Connection,
  runId: string,
): Promise<UnfinishedStep[]> {
  const rows = await database.query<Row>(
    `SELECT t.task_id AS id, t.name, t.state, e.fields,
       extract(epoch FROM now() - (SELECT max(happened_at) FROM monitor.event WHERE task_id = t.task_id))::float8
         AS "quietSeconds"
     FROM monitor.task t
     LEFT JOIN LATERAL (
       SELECT fields, happened_at FROM monitor.event
       WHERE task_id = t.task_id AND type = 'recipe-step-sent' ORDER BY happened_at DESC LIMIT 1
     ) e ON true
     WHERE t.root_id = $1 AND t.kind = 'recipe-step' AND t.state <> 'SUCCESS'
     ORDER BY e.happened_at`,
    [runId],
  )
  return rows.map(({ fields, ...row }) => ({
    ...row,
    sent: isSent(fields, row.id) ? fields : null,
  }))
}

/** The id of a step is that of its message. */
function isSent(fields: Row['fields'], id: string): fields is SentMessage {
  if (typeof fields?.message !== 'string' || typeof fields.headers !== 'string') return false
  return fields.headers.startsWith('{') && idOfText(fields.message) === id
}

/** Sends its message again, byte for byte: its step continues the run. */
export async function resumeStep(transport: Transport, sent: SentMessage): Promise<void> {
  const parsed = decodeJson(sent.headers)
  const headers = isDict(parsed) ? Object.fromEntries(entriesOf(parsed)) : {}
  const { message, target, topic, exchange } = sent
  if (topic !== undefined) return await transport.rawBroadcast(topic, message, { headers })
  const place = exchange === undefined ? {} : { exchange }
  await transport.rawSend(target ?? '', message, { headers, ...place })
}

/** Seconds in which a step may still be at work, or on its way. */
const SOON = 10

/** Why a step is better left alone: what may still run by itself would run twice. Null where nothing speaks against it. */
export async function whyNot(transport: Transport, step: UnfinishedStep): Promise<string | null> {
  const { sent, state, quietSeconds } = step
  if (sent === null) return 'its message is not in the record as it was sent'
  if (quietSeconds < SOON) return `it was active ${quietSeconds.toFixed(1)} s ago and may still run`
  if (state !== 'PENDING' || sent.target === undefined) return null
  const waiting = (await transport.depth?.(sent.target)) ?? 0
  return waiting > 0
    ? `it may be in ${sent.target}, where ${countText(waiting, 'message waits', 'messages wait')}`
    : null
}
