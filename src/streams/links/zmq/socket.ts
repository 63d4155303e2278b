import type * as Zeromq from 'zeromq'
import { sleep } from '../../../async/sleep.ts'
import type { Logger } from '../../../logger.ts'
import { safeUrl } from '../../../safe-url.ts'
import { linkFailed } from '../link-failed.ts'
import { allowClients } from './allowed-clients.ts'
import type { Driver } from './driver.ts'
import type { ZmqOptions } from './options.ts'
import { watchPeers } from './watch-peers.ts'

type AnySocket = Zeromq.Subscriber | Zeromq.Pull | Zeromq.Pair | Zeromq.Publisher | Zeromq.Push

/** Keys, then bind or connect; a socket that cannot is closed. */
export async function attach<Socket extends AnySocket>(
  driver: Driver,
  socket: Socket,
  {
    address,
    options,
    log,
  }: { readonly address: string; readonly options: ZmqOptions; readonly log: Logger },
): Promise<Socket> {
  try {
    // It ends with the socket.
    watchPeers(socket.events, log, address).catch(() => undefined)
    secure(socket, options)
    if (options.curve?.allow !== undefined) {
      socket.zapDomain = await allowClients(driver, options.curve.allow)
    }
    if (options.bind === true) await bind(socket, address)
    else socket.connect(address)
    return socket
  } catch (cause) {
    socket.close()
    const does = options.bind === true ? 'bind' : 'connect to'
    throw linkFailed(`zmq cannot ${does} ${safeUrl(address)}`, cause)
  }
}

/** ZeroMQ gives an address free in the background: the socket of the run before may have it still, or be at it. */
async function bind(socket: AnySocket, address: string): Promise<void> {
  for (let triesLeft = BIND_TRIES; ; triesLeft -= 1) {
    try {
      await socket.bind(address)
      return
    } catch (cause) {
      if (!isPassing(cause) || triesLeft === 0) throw cause
      await sleep(BIND_PAUSE_MS)
    }
  }
}

const BIND_TRIES = 10
const BIND_PAUSE_MS = 20

function isPassing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error && error.code
  return code === 'EADDRINUSE' || code === 'EAGAIN'
}

function secure(socket: AnySocket, { curve }: ZmqOptions): void {
  if (curve === undefined) return
  if (curve.publicKey !== undefined) socket.curvePublicKey = curve.publicKey
  socket.curveSecretKey = curve.secretKey
  if (curve.serverKey === undefined) socket.curveServer = true
  else socket.curveServerKey = curve.serverKey
}

/** Gives the address free at once: a socket that closes does so in the background. */
export async function detach(
  socket: AnySocket,
  { address, options }: { readonly address: string; readonly options: ZmqOptions },
): Promise<void> {
  if (socket.closed) return
  // Refused where the stop by force was faster.
  if (options.bind === true) await socket.unbind(address).catch(() => undefined)
  socket.close()
}
