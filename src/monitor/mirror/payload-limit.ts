import type { Message } from '../../protocol/message.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'
import type { TaskEntry } from './task-entry.ts'
import type { MirrorRecord } from './types.ts'

/** Long arguments are shown by their beginning; the message has all of them, unless it must not. */
export function withinLimit(read: MirrorRecord, privacy: Privacy): MirrorRecord {
  const { task, message } = read
  if (task === null) return read
  const { body, altered } = message
  const kept = { ...message, body: EMPTY, altered: { ...altered, dropped: body.length } }
  return {
    ...read,
    task: { ...task, ...shortArguments(task, privacy.payloadLimitBytes) },
    message: privacy.keepsLargeBodies ? message : kept,
  }
}

/** Stands for the arguments of a body too large to write down: how long it is, and how it begins. */
export function unwritten(
  { body, properties }: Message,
  bytes = body.length,
): Pick<TaskEntry, 'args' | 'kwargs'> {
  const isText = properties.contentType !== 'application/x-msgpack'
  const preview = isText ? body.subarray(0, PREVIEW_CHARACTERS).toString() : ''
  const args = { __truncated__: true, bytes, preview: storableText(preview) }
  return { args: JSON.stringify(args), kwargs: '{}' }
}

/** The longer of the two goes first; the body may be long for what follows the task, and both be short. */
function shortArguments({ args, kwargs }: TaskEntry, limit: number): Partial<TaskEntry> {
  if (args === null || kwargs === null) return {}
  const isArgs = args.length >= kwargs.length
  const [longer, other] = isArgs ? [args, kwargs] : [kwargs, args]
  if (longer.length <= WORTH_CUTTING) return {}
  const shorter = other.length > limit / 2 ? truncated(other) : other
  return isArgs
    ? { args: truncated(longer), kwargs: shorter }
    : { args: shorter, kwargs: truncated(longer) }
}

/** What stands for it has a few hundred characters too. */
const WORTH_CUTTING = 512

const EMPTY = Buffer.alloc(0)

const PREVIEW_CHARACTERS = 256

/** What stands in monitor.task for arguments that are too long for it: JSON text, as the arguments were. */
function truncated(json: string): string {
  return JSON.stringify({
    __truncated__: true,
    bytes: Buffer.byteLength(json),
    preview: storableText(json.slice(0, PREVIEW_CHARACTERS)),
  })
}
