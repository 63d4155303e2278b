import type { Observer } from 'zeromq'
import type { Logger } from '../../../logger.ts'

/** ZeroMQ goes on without a word where a peer is refused, away, or gone in the middle of a message: the log has one. */
export async function watchPeers(events: Observer, log: Logger, address: string): Promise<void> {
  let isAway = false
  for await (const event of events) {
    switch (event.type) {
      case 'connect':
        isAway = false
        break
      case 'connect:retry':
        if (!isAway) log.info({ address }, 'peer away, connecting until it is there')
        isAway = true
        break
      case 'disconnect':
        log.info({ address }, 'peer gone, a message that it has sent in part is dropped')
        break
      case 'handshake:error:protocol':
      case 'handshake:error:auth':
      case 'handshake:error:other':
        log.warn(
          { address, err: event.error },
          'peer refused: no ZeroMQ, or a key that is not allowed',
        )
        break
    }
  }
}
