import type { Channel, ChannelModel } from 'amqplib'
import { isDoneWithin } from '../../../async/with-deadline.ts'
import type { DriverConnection } from './answer-deadline.ts'

/**
 * The client closes after so long without the server's answer. A server that is short of memory reads nothing until it has some
 * again, which may take hours; one that is gone is found to be by the deadline for answers.
 */
const PATIENCE_MS = 5000
/** For a connection on which an earlier question of an end was not answered. */
const LITTLE_PATIENCE_MS = 500

/** Connections whose server did not answer in time. */
const mute = new WeakSet<object>()

/** Waits for the server's answer to a cancel or a close, for a time; the client closes without it, and after a refusal as well. */
export async function answeredWithin(
  patient: Channel | ChannelModel,
  answer: Promise<unknown>,
): Promise<void> {
  // At run time both have the driver's own connection, which their types do not agree on.
  const connection: object = patient.connection
  const patience = mute.has(connection) ? LITTLE_PATIENCE_MS : PATIENCE_MS
  const startedAt = performance.now()
  await isDoneWithin(patience, answer)
  if (performance.now() - startedAt >= patience) mute.add(connection)
  else mute.delete(connection)
}

/**
 * Closes a channel or connection. The driver's own promise stays open for ever where the connection is lost in
 * the middle of closing, so its close event counts as well, and at last the clock.
 */
export function end(closing: Channel | ChannelModel): Promise<void> {
  const isClosed = new Promise<void>((resolve) => closing.on('close', resolve))
  // Rejected: it was closed already, which is as good.
  const answer = closing.close().catch(() => undefined)
  return answeredWithin(closing, Promise.race([answer, isClosed])).then(() => letGo(closing))
}

/** What stays open of a connection whose server has not answered would keep the process from its end. */
function letGo(closing: Channel | ChannelModel): void {
  const { connection } = closing
  if (!('createChannel' in closing) || !mute.has(connection)) return
  const { stream } = connection as unknown as DriverConnection // not in the driver's types
  closing.on('error', () => undefined)
  stream.destroy(new Error('the server did not answer the close of the connection'))
}
