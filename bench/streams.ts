import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Block, operator, zmq } from 'celery-toolbox/streams'
import { Pull, Push } from 'zeromq'
import { type Contender, perSecondSince, type Scenario } from './measure.ts'

/** Carries frames from one address to the other, until it is stopped. */
type Carry = (from: string, to: string) => Promise<() => Promise<unknown>>

/** Frames of 1 KiB and of 1 MB: PUSH, block, PULL, beside a bare loop over the same sockets. */
export async function streamsScenario(count: number): Promise<Scenario> {
  const bare = 'bare zeromq, 1 KiB'
  return {
    name: 'streams',
    baseline: bare,
    goals: [{ ours: 'celery-toolbox, 1 KiB', than: bare, atLeast: 0.6 }],
    contenders: [
      contender(bare, bareLoop, { bytes: 1_024, count }),
      contender('celery-toolbox, 1 KiB', block, { bytes: 1_024, count }),
      contender('bare zeromq, 1 MB', bareLoop, { bytes: 1_000_000, count: Math.ceil(count / 40) }),
      contender('celery-toolbox, 1 MB', block, { bytes: 1_000_000, count: Math.ceil(count / 40) }),
    ],
    close: async () => undefined,
  }
}

function contender(
  name: string,
  carry: Carry,
  { bytes, count }: { readonly bytes: number; readonly count: number },
): Contender {
  return {
    name,
    run: async () => {
      const [from, to] = [address(), address()]
      const pull = new Pull()
      await pull.bind(to)
      const stop = await carry(from, to)
      const push = new Push()
      push.connect(from)
      const frame = Buffer.alloc(bytes)
      const startedAt = performance.now()
      const sending = sendAll(push, frame, count)
      let received = 0
      while (received < count) {
        await pull.receive()
        received += 1
      }
      const rate = perSecondSince(startedAt, count)
      await sending
      push.close()
      await stop()
      pull.close()
      return rate
    },
  }
}

async function sendAll(push: Push, frame: Buffer, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) await push.send(frame)
}

async function bareLoop(from: string, to: string): Promise<() => Promise<unknown>> {
  const [pull, push] = [new Pull(), new Push()]
  await pull.bind(from)
  push.connect(to)
  const running = (async () => {
    for await (const frames of pull) await push.send(frames)
  })()
  return async () => {
    pull.close()
    await running
    push.close()
  }
}

async function block(from: string, to: string): Promise<() => Promise<unknown>> {
  const forward = new Block(
    'forward',
    operator((frame: unknown) => frame),
    { listeners: [zmq.pull(from, { bind: true })], publishers: [zmq.push(to)] },
  )
  await forward.start()
  return async () => await forward.stop()
}

function address(): string {
  return `ipc://${join(tmpdir(), `bench-${randomUUID()}`)}`
}
