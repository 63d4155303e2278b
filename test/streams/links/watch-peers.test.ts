import { expect, onTestFinished, test, vi } from 'vitest'
import type { Event } from 'zeromq'
import { silentLogger } from '../../../src/logger.ts'
import { watchPeers } from '../../../src/streams/links/zmq/watch-peers.ts'

test('a peer that is refused again and again has a line a minute of each kind, with how many were left out', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const lines = await linesOf(
    Array.from({ length: 1_200 }, () => [...REFUSED, AWAY]).flat(), // two minutes of them
    () => vi.advanceTimersByTime(25),
  )
  expect(lines).toEqual([
    'peer refused',
    'peer disconnected',
    'peer unreachable',
    'peer refused leftOut=599',
    'peer disconnected leftOut=599',
  ])
})

test('a peer is said to be away again only after it was there', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const minute = (): unknown => vi.advanceTimersByTime(60_000)
  const connect = [AWAY, event('connect')]
  expect(await linesOf([...connect, AWAY, AWAY], minute)).toEqual(['peer unreachable'])
  expect(await linesOf([...connect, event('handshake'), AWAY], minute)).toEqual([
    'peer unreachable',
    'peer unreachable',
  ])
})

const AWAY = event('connect:retry')
const REFUSED = [event('connect'), event('handshake:error:auth'), event('disconnect')]

function event(type: Event['type']): Event {
  return { type, address: 'tcp://127.0.0.1:1' } as Event
}

/** Their beginnings, and how many were left out before. */
async function linesOf(events: readonly Event[], between: () => unknown): Promise<string[]> {
  const lines: string[] = []
  const keep = ({ leftOut }: { leftOut?: number }, text: string): void => {
    const [kind] = /^peer \w+/.exec(text) ?? []
    lines.push(leftOut === undefined ? String(kind) : `${kind} leftOut=${leftOut}`)
  }
  const log = { ...silentLogger, info: keep, warn: keep } as never
  const source = async function* (): AsyncGenerator<Event> {
    for (const one of events) {
      yield one
      between()
    }
  }
  await watchPeers(source() as never, log, 'tcp://127.0.0.1:1')
  return lines
}
