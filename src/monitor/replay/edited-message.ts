import { reprArgs, reprKwargs } from '../../codecs/python/python-repr.ts'
import type { Serializer } from '../../codecs/serializers.ts'
import { MonitorError } from '../../errors.ts'
import { expandMessage, isCompressed } from '../../protocol/compressed-message.ts'
import { acceptedSerializer, decodeBody } from '../../protocol/content.ts'
import type { Message } from '../../protocol/message.ts'
import { textOfError } from '../../text-of-error.ts'
import { type CallEdit, editedArgs, editedKwargs } from './call-edit.ts'

/** A body that was read, and what writes it again. */
interface OpenedBody {
  readonly serializer: Serializer
  readonly value: unknown
}

/** Whether its fields are in the body: https://docs.celeryq.dev/en/stable/internals/protocol.html#version-1 */
export function isFirstProtocol({ headers }: Message): boolean {
  return typeof headers.task !== 'string'
}

/**
 * The message with other arguments, and the texts that show them; no longer compressed.
 * Throws `MonitorError` REPLAY_IMPOSSIBLE where its body cannot be read.
 */
export async function editedMessage(
  message: Message,
  taskId: string,
  edit: CallEdit,
): Promise<Message> {
  const { serializer, value } = await openBody(message, taskId)
  const { compression: _expanded, ...headers } = message.headers as Record<string, unknown>
  if (isFirstProtocol(message)) {
    const call = fieldsOf(value, taskId)
    const args = editedArgs(call.args, edit)
    const kwargs = editedKwargs(call.kwargs, edit)
    return { ...message, headers, body: serializer.encode({ ...call, args, kwargs }) }
  }
  if (!(Array.isArray(value) && value.length === 3)) {
    throw notEditable(taskId, 'its body is no [args, kwargs, embed]')
  }
  const args = editedArgs(value[0], edit)
  const kwargs = editedKwargs(value[1], edit)
  return {
    ...message,
    headers: { ...headers, argsrepr: reprArgs(args), kwargsrepr: reprKwargs(kwargs) },
    body: serializer.encode([args, kwargs, value[2]]),
  }
}

export async function openBody(message: Message, taskId: string): Promise<OpenedBody> {
  try {
    const plain = isCompressed(message) ? await expandMessage(message) : message
    const serializer = acceptedSerializer(plain, ['json', 'yaml', 'msgpack'])
    return { serializer, value: decodeBody(plain, serializer) }
  } catch (cause) {
    throw notEditable(taskId, textOfError(cause), cause)
  }
}

/** The fields of a message of protocol 1. */
export function fieldsOf(body: unknown, taskId: string): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return body as Readonly<Record<string, unknown>> // not null, not a list
  }
  throw notEditable(taskId, 'it has no header "task", and its body is not an object')
}

function notEditable(taskId: string, why: string, cause?: unknown): MonitorError {
  return new MonitorError(
    'REPLAY_IMPOSSIBLE',
    `the recorded message of task ${taskId} must be read to be published again, but ${why}`,
    cause === undefined ? {} : { cause },
  )
}
