import { getEventListeners } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { memory } from '../../../src/streams/index.ts'
import type { Inlet, LinkListener } from '../../../src/streams/parts/listener.ts'
import { playFrom, recordTo } from '../../../src/streams/recording/recording.ts'

/** Runs a listener until it has put so many messages; answers the most listeners that its signal had. */
async function mostWaits(
  listener: LinkListener,
  { messages, send }: { messages: number; send?: (n: number) => unknown },
): Promise<number> {
  const stopping = new AbortController()
  const { signal } = stopping
  let most = 0
  let count = 0
  const inlet: Inlet = {
    block: 'b',
    log: silentLogger,
    signal,
    limit: 1,
    put: () => {
      most = Math.max(most, getEventListeners(signal, 'abort').length)
      count += 1
      if (count === messages) stopping.abort()
      else void send?.(count)
      return undefined
    },
    ready: () => void send?.(0),
    defer: (close) => onTestFinished(async () => void (await close())),
  }
  await listener.run(inlet)
  return most
}

test('a channel of memory does not wait for the end once for each message', async () => {
  const open = async () => await memory.publish('signals').open({} as never)
  const sink = await open()
  const send = (n: number) => setImmediate(() => sink.publish(n, { headers: {}, key: undefined }))
  expect(await mostWaits(memory.subscribe('signals'), { messages: 20, send })).toBe(1)
})

test('a recording that is played does not wait for the end once for each message', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'play-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'run.jsonl')
  const lines = Array.from({ length: 20 }, (_, n) => JSON.stringify({ at: n * 5, bytes: '' }))
  await writeFile(file, `${lines.join('\n')}\n`)
  expect(await mostWaits(playFrom(file), { messages: 20 })).toBeLessThan(3)
})

test('a recording that cannot be written says so at the end, also without a message', async () => {
  const sink = await recordTo('/dev/null/none').open({} as never)
  await expect(sink.close?.()).rejects.toThrow(/ENOTDIR/)
})
