import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Block, json, memory, operator, zmq } from '../../../src/streams/index.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

const same = operator((message: unknown) => message)

test('a subscriber that joins late hears what is sent from then on, in order', async () => {
  const address = `ipc://${join(tmpdir(), `late-${randomUUID()}`)}`
  const source = randomUUID()
  const out = new Collector<number>()
  const send = new Block('send', same, {
    listeners: [memory.subscribe(source)],
    publishers: [zmq.publish(address, { bind: true, codec: json() })],
  })
  await send.start()
  const into = new Block('into', same, {
    listeners: [numbersUntil(() => out.messages.length > 20)],
    publishers: [memory.publish(source)],
  })
  const running = into.run()
  await waitFor('the first to be sent', () => send.stats.published > 10)
  const late = new Block('late', same, {
    listeners: [zmq.subscribe(address, { codec: json() })],
    publishers: [out],
  })
  await late.start()
  await running
  await Promise.all([send.stop(), late.stop()])
  const [first = 0] = out.messages
  expect(first).toBeGreaterThan(10)
  expect(out.messages).toEqual(out.messages.map((_, index) => first + index))
})

async function* numbersUntil(isEnough: () => boolean): AsyncGenerator<number> {
  for (let n = 0; n < 11 || !isEnough(); n += 1) {
    yield n
    await new Promise((resolve) => setImmediate(resolve))
  }
}
