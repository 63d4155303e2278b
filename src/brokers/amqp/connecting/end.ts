import type { Channel, ChannelModel } from 'amqplib'

const PATIENCE_MS = 5000

/**
 * Closes a channel or connection. The driver's own promise stays open for ever where the connection is lost in
 * the middle of closing, so its close event counts as well, and at last the clock.
 */
export function end(closing: Channel | ChannelModel): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    closing.on('close', done)
    // Rejected: it was closed already, which is as good.
    closing.close().then(done, done)
  })
}
