import { serializerByName } from '../../codecs/serializers.ts'
import { timezoneOf } from '../../config/app-timezone.ts'
import type { Config } from '../../config/config.ts'
import { ResultError } from '../../errors.ts'
import { bodyInTurn, takesTurns } from '../../protocol/body-in-turn.ts'
import { acceptedSerializer, decodeBody } from '../../protocol/content.ts'
import type { Message } from '../../protocol/message.ts'
import { decodeResultMeta } from '../../protocol/results/result-meta.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import type { Queue } from '../../protocol/routing/topology.ts'
import { textOfError } from '../../text-of-error.ts'
import { shownId } from '../failures.ts'
import { ResultText } from '../result-text.ts'

/** The settings of a `Config` that results sent as messages need. */
export type RpcSettings = Partial<
  Pick<
    Config,
    | 'accept_content'
    | 'result_accept_content'
    | 'result_expires'
    | 'result_extended'
    | 'result_persistent'
    | 'result_serializer'
    | 'timezone'
    | 'MESSAGE_LIMIT_NODES'
    | 'enable_utc'
  >
>

/** The message that carries a result to its caller, as Python's RPC backend sends it. */
export function resultMessage(result: TaskResult, settings: RpcSettings): Message {
  const serializer = serializerByName(settings.result_serializer ?? 'json')
  const text = new ResultText({
    serializer: serializer.name,
    isExtended: settings.result_extended,
    maxNodes: settings.MESSAGE_LIMIT_NODES,
    timezone: timezoneOf(settings),
  })
  return {
    headers: {},
    properties: {
      contentType: serializer.contentType,
      contentEncoding: serializer.contentEncoding,
      deliveryMode: settings.result_persistent ? 2 : 1,
      priority: 0,
      correlationId: result.correlationId || result.taskId,
    },
    body: text.encode(result),
  }
}

/** Reads a message that carries a result; throws ResultError RESULT_UNREADABLE where it is none. */
export function resultOfMessage(message: Message, settings: RpcSettings): TaskResult {
  try {
    const serializer = acceptedSerializer(message, acceptedBy(settings))
    return decodeResultMeta(decodeBody(message, serializer))
  } catch (cause) {
    throw unreadableReply(message, cause)
  }
}

/** The same of a message that may be compressed or large: at once where it is neither. */
export async function readResultMessage(
  message: Message,
  settings: RpcSettings,
): Promise<TaskResult> {
  if (!takesTurns(message)) return resultOfMessage(message, settings)
  try {
    return decodeResultMeta(await bodyInTurn(message, acceptedBy(settings)))
  } catch (cause) {
    throw unreadableReply(message, cause)
  }
}

function acceptedBy({ result_accept_content, accept_content }: RpcSettings): readonly string[] {
  return result_accept_content ?? accept_content ?? ['json']
}

/** The queue that a caller listens on, as Python declares its own. The broker deletes it with its last consumer. */
export function replyQueue(name: string, { result_expires: expires }: RpcSettings): Queue {
  return {
    name,
    durable: true,
    exclusive: false,
    autoDelete: true,
    arguments: expires ? { 'x-expires': Math.floor(expires * 1000) } : {},
  }
}

function unreadableReply({ properties }: Message, cause: unknown): ResultError {
  const why = textOfError(cause)
  return new ResultError(
    'RESULT_UNREADABLE',
    `the reply that came for task "${shownId(properties.correlationId ?? '(unknown)')}" over rpc:// cannot be read: ${why}`,
    { cause },
  )
}
