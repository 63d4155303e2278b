import type { Channel } from 'amqplib'

/** Methods of AMQP's class 90 (tx), which the driver can write and read but has no names for. */
const TX = {
  select: [0x5a_00_0a, 0x5a_00_0b],
  commit: [0x5a_00_14, 0x5a_00_15],
} as const

/** The driver's own way to ask and hear the answer; its types leave it out. */
interface AskingChannel {
  rpc(method: number, fields: object, answer: number): Promise<unknown>
}

/** From now on what is published and settled on this channel takes effect at `commitTransaction`, all of it or none. */
export async function selectTransactions(channel: Channel): Promise<void> {
  await ask(channel, 'select')
}

export async function commitTransaction(channel: Channel): Promise<void> {
  await ask(channel, 'commit')
}

async function ask(channel: Channel, method: keyof typeof TX): Promise<void> {
  const [id, answer] = TX[method]
  await (channel as unknown as AskingChannel).rpc(id, {}, answer)
}
