import type { Transport, TransportHeader } from './transport.ts'

/**
 * Acknowledges a message together with what `send` sends, to be given the options that it is called with: in one
 * transaction; where the transport has none, last of all, so that a crash in between repeats the message and loses nothing.
 */
export async function ackWith(
  transport: Transport,
  header: TransportHeader,
  send: (options: { readonly transaction?: number }) => Promise<void>,
): Promise<void> {
  if (transport.features?.transactions === false) {
    await send({})
    await transport.ack(header)
    return
  }
  const transaction = await transport.transactionBegin({ subscriptionId: header.subscription })
  try {
    await transport.ack(header, { transaction })
    await send({ transaction })
  } catch (cause) {
    // The first failure is the one to tell; a connection that was lost has ended the transaction already.
    await transport.transactionAbort(transaction).catch(() => undefined)
    throw cause
  }
  await transport.transactionCommit(transaction)
}
