import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Pull, Push } from 'zeromq'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { type Process, startCli } from '../../support/processes.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { waitFor } from '../../support/wait-for.ts'

/** `npm run test:streams` sends 1 GB. */
const FRAMES = Number(process.env.STREAM_MEGABYTES ?? 300)
const MESSAGES = 2_000
const SLOW = { timeout: 120_000 }
const FRAME = Buffer.alloc(1_000_000)

test(
  'a process that passes on frames of 1 MB stays below 300 MB of memory, also while its PULL takes none',
  SLOW,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frames-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const [from, to] = [`ipc://${join(folder, 'from')}`, `ipc://${join(folder, 'to')}`]
    const program = await startBlock(folder, {
      listener: `{ class: zmq, kwargs: { address: '${from}', socket_type: PULL, bind: true } }`,
      publisher: `{ class: zmq, kwargs: { address: '${to}', socket_type: PUSH } }`,
    })
    const [push, pull] = [new Push({ sendHighWaterMark: 2 }), new Pull({ receiveHighWaterMark: 2 })]
    onTestFinished(() => {
      push.close()
      pull.close()
    })
    push.connect(from)
    let sent = 0
    const sending = (async () => {
      for (; sent < FRAMES; sent += 1) await push.send(FRAME)
    })()
    // No PULL takes the frames yet: the block fills up, and then its sender waits.
    const senderWaits = () => stands(() => sent)
    await waitFor('the sender to wait', senderWaits())
    await pull.bind(to)
    // A PULL that takes one frame and no more: what the PUSH holds for it comes on top.
    await pull.receive()
    await waitFor('the sender to wait for the PULL', senderWaits())
    expect(sent).toBeLessThan(FRAMES)
    for (let received = 1; received < FRAMES; received += 1) await pull.receive()
    await sending
    expect(await mostMemory(program)).toBeLessThan(300)
    expect(await program.stop('SIGTERM')).toMatchObject({ code: 0 })
  },
)

test(
  'after a SIGTERM in a burst each message is published or back in its queue, once, and the exit code is 0',
  SLOW,
  async () => {
    const { url } = await freshVhost()
    const broker = openBroker({ url })
    onTestFinished(() => broker.close())
    await broker.declare({ exchanges: [], queues: [durableQueue('in', {})], bindings: [] })
    const message = (n: number) => ({ headers: {}, properties: {}, body: Buffer.from(String(n)) })
    await Promise.all(
      Array.from({ length: MESSAGES }, (_, n) =>
        broker.publish(message(n), { exchange: '', routingKey: 'in' }),
      ),
    )
    const folder = await mkdtemp(join(tmpdir(), 'burst-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const program = await startBlock(folder, {
      listener: `{ class: amqp, kwargs: { url: '${url}', queue: in } }`,
      publisher: `{ class: amqp, kwargs: { url: '${url}', queue: out } }`,
    })
    await waitFor(
      'a part of them',
      async () => (await broker.depth('out')).messages > MESSAGES / 20,
    )
    expect(await program.stop('SIGTERM')).toMatchObject({ code: 0 })
    const [left, done] = [await numbersOf('in'), await numbersOf('out')]
    expect(left.length).toBeGreaterThan(0)
    expect([...done, ...left].toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: MESSAGES }, (_, n) => n),
    )

    async function numbersOf(queue: string): Promise<number[]> {
      const numbers: number[] = []
      for (;;) {
        const delivery = await broker.get(queue)
        if (delivery === undefined) return numbers
        numbers.push(Number(delivery.message.body))
        await delivery.ack()
      }
    }
  },
)

async function startBlock(
  folder: string,
  { listener, publisher }: { readonly listener: string; readonly publisher: string },
): Promise<Process> {
  const file = join(folder, `${randomUUID()}.yml`)
  await writeFile(join(folder, 'same.mjs'), 'export const same = (frame) => frame\n')
  await writeFile(
    file,
    `blocks: [{ name: b, operator: { class: './same.mjs#same' }, listeners: [${listener}], publishers: [${publisher}] }]\n`,
  )
  const started = startCli(['stream', 'run', file])
  await started.waitForLine(/running/)
  return started
}

/** The most memory that it ever used, in MB. */
async function mostMemory({ pid }: Process): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024
}

/** Whether a number is above 0 and the same as it was at the call before. */
function stands(number: () => number): () => boolean {
  let before = -1
  return () => {
    const isStill = number() === before && before > 0
    before = number()
    return isStill
  }
}
