import type { Observer } from 'zeromq'
import { Rare } from '../../../async/rare.ts'
import type { Logger } from '../../../logger.ts'

/** Logs what ZeroMQ itself does not report: peers that are refused, away, or gone in the middle of a message. */
export async function watchPeers(
  events: Pick<Observer, typeof Symbol.asyncIterator>,
  log: Logger,
  address: string,
): Promise<void> {
  // ZeroMQ connects again every 100 ms.
  const [away, gone, refused] = [new Rare(), new Rare(), new Rare()]
  let isAway = false
  for await (const event of events) {
    switch (event.type) {
      case 'handshake':
        isAway = false
        break
      case 'connect:retry':
        if (!isAway) {
          away.say((more) => log.info({ address, ...more }, 'peer unreachable, connecting again'))
        }
        isAway = true
        break
      case 'disconnect':
        gone.say((more) =>
          log.info(
            { address, ...more },
            'peer disconnected; a message that it sent in part is dropped',
          ),
        )
        break
      case 'handshake:error:protocol':
      case 'handshake:error:auth':
      case 'handshake:error:other': {
        const { error } = event
        refused.say((more) =>
          log.warn(
            { address, err: error, ...more },
            'peer refused: it is no ZeroMQ peer, or its key is not allowed',
          ),
        )
        break
      }
    }
  }
}
