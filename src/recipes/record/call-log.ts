import { isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import type { Logger } from '../../logger.ts'
import type { CallbackPlace, Middleware, TransportCall } from '../transport/middleware.ts'

/** Logs every call of a transport and every message that comes, without their contents. */
export class CallLog implements Middleware {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  async around(
    call: TransportCall,
    args: readonly unknown[],
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    const [first] = args
    // A queue, a topic or an id; of an acknowledgement the header of the message.
    const of = isDict(first) ? itemAtKey(first, 'message-id') : first
    this.#log.debug({ call, of }, 'call of the transport')
    return await next()
  }

  aroundCallback: Required<Middleware>['aroundCallback'] = (
    callback,
    { id, name }: CallbackPlace,
  ) => {
    return async (header, message) => {
      this.#log.debug({ subscription: id, of: name, id: header['message-id'] }, 'a message came')
      await callback(header, message)
    }
  }
}
