import { asError } from '../../as-error.ts'
import type { Codec } from '../codecs/codec.ts'
import { Received, type ReceivedParts } from '../parts/received.ts'

type Rest = Pick<ReceivedParts<unknown>, 'headers' | 'topic' | 'settlement' | 'isRepeated'>

/** A message of a link by its codec; what the codec cannot read follows `onError` when its turn comes. */
export function readMessage(codec: Codec, bytes: Buffer, rest: Rest = {}): Received {
  try {
    return new Received({ value: codec.decode(bytes), bytes, ...rest })
  } catch (error) {
    const unreadable = asError(error)
    return new Received({ value: undefined, bytes, unreadable, ...rest })
  }
}
