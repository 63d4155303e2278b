import { TransportError } from '../../errors.ts'
import type { OpenTransactions } from './open-transactions.ts'
import type { Settlement } from './subscription.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { SettleOptions, TransportHeader } from './transport.ts'

interface SettlingOptions extends SettleOptions {
  readonly how: Settlement['how']
  /** What is done, in errors: "acknowledge". */
  readonly verb: string
}

/** Settles a message at once, or notes it in its transaction. Throws TransportError where the message is not one to settle. */
export async function settle(
  given: TransportHeader | number,
  options: SettlingOptions,
  {
    subscriptions,
    transactions,
  }: { readonly subscriptions: Subscriptions; readonly transactions: OpenTransactions },
): Promise<void> {
  const { messageId, subscriptionId } = idsOf(given, options)
  const { open, plan } = subscriptions.entry(subscriptionId, options.verb)
  const settlement: Settlement = { messageId, how: options.how }
  if (options.transaction === undefined) {
    transactions.requireNoneOf(plan)
    await open.settle(settlement)
    return
  }
  const transaction = transactions.get(options.transaction, options.verb)
  if (transaction.subscriptionId !== subscriptionId) {
    throw new TransportError(
      `transaction ${transaction.id} was begun for ${subscriptionText(transaction.subscriptionId)}, ` +
        `so it cannot ${options.verb} on subscription ${subscriptionId}; name it when you begin`,
    )
  }
  open.requireHeld(messageId)
  transaction.settlements.push(settlement)
}

function idsOf(
  given: TransportHeader | number,
  options: SettlingOptions,
): { readonly messageId: number; readonly subscriptionId: number } {
  const header = typeof given === 'number' ? { 'message-id': given } : given
  const { 'message-id': messageId, subscription } = header as TransportHeader
  const subscriptionId = options.subscriptionId ?? subscription
  if (typeof messageId !== 'number') {
    throw new TransportError(`Cannot ${options.verb} message without message ID`)
  }
  if (typeof subscriptionId !== 'number') {
    throw new TransportError(`Cannot ${options.verb} message without subscription ID`)
  }
  return { messageId, subscriptionId }
}

function subscriptionText(id: number | null): string {
  return id === null ? 'no subscription' : `subscription ${id}`
}
