import type { Parcel } from '../parcel.ts'
import type { AmqpChannel } from './pika-link.ts'
import { publishOptions, unroutable } from './pika-sender.ts'

/** Publishes on a channel in transaction mode, and commits; throws for a message that came back unrouted. */
export async function publishTogether(
  channel: AmqpChannel,
  parcels: readonly Parcel[],
  commit: () => Promise<void>,
): Promise<void> {
  const returned: { readonly exchange: string; readonly routingKey: string }[] = []
  const onReturn = ({ fields }: { fields: (typeof returned)[number] }): void => {
    returned.push(fields)
  }
  channel.on('return', onReturn)
  try {
    for (const parcel of parcels) {
      channel.publish(parcel.exchange, parcel.routingKey, parcel.body, publishOptions(parcel))
    }
    await commit()
  } finally {
    channel.off('return', onReturn)
  }
  const lost = parcels.find(({ exchange, routingKey }) =>
    returned.some((fields) => fields.exchange === exchange && fields.routingKey === routingKey),
  )
  if (lost !== undefined) throw unroutable(lost)
}
