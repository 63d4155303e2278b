import { inTurn } from '../codecs/in-turn.ts'
import { DEFAULT_LIMITS, type MessageLimits } from '../codecs/limits.ts'
import { expandMessage, isCompressed } from './compressed-message.ts'
import { acceptedSerializer, decodeBody, decodeLargeBody, isLarge } from './content.ts'
import type { Message } from './message.ts'

/** Whether a message takes its turn among those that cost time and memory. */
export function takesTurns(message: Message): boolean {
  return isCompressed(message) || isLarge(message)
}

/** The value of a body that may be compressed or large, off the event loop or in slices of its time. */
export async function bodyInTurn(
  message: Message,
  acceptContent: readonly string[],
  limits: MessageLimits = DEFAULT_LIMITS,
): Promise<unknown> {
  const serializer = acceptedSerializer(message, acceptContent)
  return await inTurn(limits, async (within) => {
    const plain = await expandMessage(message, within)
    return isLarge(plain)
      ? await decodeLargeBody(plain, serializer, { limits: within })
      : decodeBody(plain, serializer, within)
  })
}
