import { expect, onTestFinished, test, vi } from 'vitest'
import { EventSender } from '../../src/events/event-sender.ts'
import { LamportClock } from '../../src/events/lamport-clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { recordingLogger } from '../support/embedded-app.ts'
import { type ListeningBroker, listeningBroker } from '../support/listening-broker.ts'
import { waitFor } from '../support/wait-for.ts'

test('events of tasks that are sent in one turn travel together, as from Celery’s workers', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  for (const type of ['task-received', 'task-started', 'task-succeeded']) {
    sender.send(type, { uuid: 'a' })
  }
  await waitFor('the message', () => broker.heard.length === 1)
  const [only] = broker.heard
  expect(only?.route).toEqual({ exchange: 'celeryev', routingKey: 'task.multi' })
  expect(only?.message.headers).toEqual({ hostname: 'w1@test' })
  expect(broker.events).toMatchObject([
    { type: 'task-received', uuid: 'a', clock: 1 },
    { type: 'task-started', uuid: 'a', clock: 2 },
    { type: 'task-succeeded', uuid: 'a', clock: 3 },
  ])
})

test('an event is written though those before it are not confirmed yet, and no end of them is', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  const confirms: (() => void)[] = []
  const written: number[] = []
  vi.spyOn(broker, 'publishMany').mockImplementation((messages) => {
    written.push(messages.length)
    return new Promise((resolve) => confirms.push(resolve))
  })
  for (let turn = 1; turn <= 8; turn += 1) {
    sender.send('task-started', { uuid: String(turn) })
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(written).toHaveLength(Math.min(turn, 4))
  }
  confirms[0]?.()
  await waitFor('the rest, together', () => written.length === 5)
  for (const confirm of confirms) confirm()
  await sender.flush()
})

test('every event says who sent it, and when', async () => {
  const broker = await listeningBroker()
  const before = Date.now() / 1_000
  senderOn(broker).send('worker-online', { freq: 2 })
  const event = await broker.until('the event', ({ type }) => type === 'worker-online')
  expect(event).toEqual({
    type: 'worker-online',
    hostname: 'w1@test',
    pid: process.pid,
    utcoffset: Math.floor(new Date().getTimezoneOffset() / 60),
    clock: 1,
    timestamp: expect.any(Number),
    freq: 2,
  })
  expect(event.timestamp).toBeGreaterThanOrEqual(before)
  expect(event.timestamp).toBeLessThan((Date.now() + 1) / 1_000)
})

test('no message holds more than 24 events, and all of them arrive in order', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  for (let at = 0; at < 500; at += 1) sender.send('task-started', { uuid: String(at) })
  await waitFor('all events', () => broker.events.length === 500)
  expect(broker.events.map(({ uuid }) => uuid)).toEqual(
    Array.from({ length: 500 }, (_, at) => `${at}`),
  )
  expect(Math.max(...broker.heard.map(({ message }) => JSON.parse(`${message.body}`).length))).toBe(
    24,
  )
})

test('events of workers and those of one’s own travel alone, by their own keys', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  sender.send('worker-heartbeat')
  sender.send('task-started', { uuid: 'a' })
  sender.send('invoice-paid', { id: 3 })
  await waitFor('all events', () => broker.heard.length === 3)
  expect(broker.heard.map(({ route }) => route.routingKey)).toEqual([
    'worker.heartbeat',
    'task.multi',
    'invoice.paid',
  ])
})

test('a group that is switched off is not sent, until it is switched on', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker, { muted: ['task'] })
  sender.send('task-started', { uuid: 'quiet' })
  sender.send('invoice-paid')
  expect([sender.isEnabled(), sender.enable(), sender.enable()]).toEqual([false, true, false])
  sender.send('task-started', { uuid: 'loud' })
  await broker.until('the event', ({ uuid }) => uuid === 'loud')
  expect([sender.disable(), sender.disable(), sender.isEnabled()]).toEqual([true, false, false])
  sender.send('task-started', { uuid: 'quiet again' })
  await sender.close()
  expect(broker.events.map(({ type, uuid }) => uuid ?? type)).toEqual(['invoice-paid', 'loud'])
})

test('an event that cannot be written does not keep the others from being sent', async () => {
  const broker = await listeningBroker()
  const logger = recordingLogger()
  const sender = senderOn(broker, { logger })
  sender.send('task-started', { uuid: 'one' })
  sender.send('task-started', { uuid: 'bad', odd: Symbol('odd') })
  sender.send('task-started', { uuid: 'two' })
  await waitFor('the others', () => broker.events.length === 2)
  expect(broker.events.map(({ uuid }) => uuid)).toEqual(['one', 'two'])
  expect(logger.lines).toMatchObject([
    { level: 'warn', sentence: 'an event cannot be written and is not sent' },
  ])
})

test('while the broker is away events wait, and no task is held up', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  broker.simulateLoss()
  for (let at = 0; at < 50; at += 1) sender.send('task-started', { uuid: String(at) })
  expect(broker.events).toEqual([])
  broker.simulateRestore()
  await waitFor('all events', () => broker.events.length === 50)
  expect(broker.events.map(({ uuid }) => uuid)).toEqual(
    Array.from({ length: 50 }, (_, at) => `${at}`),
  )
})

test('a broker that refuses events is asked again, and then gets them in order', async () => {
  const broker = await listeningBroker()
  const logger = recordingLogger()
  let refusals = 2
  const sender = senderOn(broker, {
    logger,
    open: () => {
      refusals -= 1
      return refusals >= 0 ? Promise.reject(new Error('refused')) : Promise.resolve(broker)
    },
  })
  sender.send('task-received', { uuid: 'a' })
  await waitFor('the refusal', () => logger.lines.length > 0)
  sender.send('task-started', { uuid: 'a' })
  await waitFor('the events', () => broker.events.length === 2)
  expect(broker.events.map(({ type }) => type)).toEqual(['task-received', 'task-started'])
  expect(logger.lines.map(({ sentence }) => sentence)).toEqual([
    'events cannot be sent, buffering them',
    'events are sent again',
  ])
})

test('past a limit the oldest events are dropped, and their number is reported', async () => {
  const broker = await listeningBroker()
  const logger = recordingLogger()
  let isAway = true
  const open = (): Promise<ListeningBroker> =>
    isAway ? Promise.reject(new Error('away')) : Promise.resolve(broker)
  const sender = senderOn(broker, { logger, open })
  for (let at = 1; at <= 10_500; at += 1) sender.send('task-started', { uuid: String(at) })
  await waitFor('the refusal', () => logger.lines.length > 0)
  isAway = false
  await broker.until('the last event', ({ uuid }) => uuid === '10500')
  const { length } = broker.events
  expect(length).toBeLessThanOrEqual(10_000)
  expect(broker.events[0]?.uuid).toBe(String(10_500 - length + 1))
  await waitFor('the log', () => logger.lines.length === 2)
  expect(logger.lines[1]?.fields).toEqual({ dropped: 10_500 - length })
})

test('closing sends what waits, and does not wait for a broker that is away', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  sender.send('worker-offline')
  await sender.close()
  await broker.until('the event', ({ type }) => type === 'worker-offline')
  const other = senderOn(broker)
  broker.simulateLoss()
  other.send('worker-offline')
  await other.close(10)
})

test('closing waits for no connection that is lost, be it before or meanwhile', async () => {
  const broker = await listeningBroker()
  const [sender, other] = [senderOn(broker), senderOn(broker)]
  for (const each of [sender, other]) each.send('worker-online')
  await waitFor('both to be online', () => broker.events.length === 2)
  const startedAt = performance.now()
  sender.send('worker-offline')
  const closing = sender.close()
  broker.simulateLoss()
  await closing
  other.send('worker-offline')
  await other.close()
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

test('what comes while the connection is lost is not handed to the broker, which would wait for it when it is closed', async () => {
  const broker = await listeningBroker()
  const sender = senderOn(broker)
  sender.send('worker-online')
  await waitFor('the event', () => broker.events.length === 1)
  broker.simulateLoss()
  const publish = vi.spyOn(broker, 'publishMany')
  sender.send('worker-heartbeat')
  await sender.flush()
  expect(publish).not.toHaveBeenCalled()
  broker.simulateRestore()
  await broker.until('the event', ({ type }) => type === 'worker-heartbeat')
})

interface Settings {
  readonly logger?: ReturnType<typeof recordingLogger>
  readonly muted?: readonly string[]
  readonly open?: () => Promise<ListeningBroker>
}

function senderOn(
  broker: ListeningBroker,
  { logger, muted = [], open = () => Promise.resolve(broker) }: Settings = {},
): EventSender {
  const settings = {
    event_exchange: 'celeryev',
    event_serializer: 'json',
    platformQueue: 'platform.fifo',
  }
  const sender = new EventSender(
    {
      hostname: 'w1@test',
      broker: open,
      settings,
      clock: new LamportClock(),
      logger: logger ?? silentLogger,
    },
    { muted },
  )
  onTestFinished(() => sender.close(0))
  return sender
}
