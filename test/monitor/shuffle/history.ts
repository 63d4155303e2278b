import { EVENTS_HEADER } from '../../../src/protocol/events/events.ts'
import type { Message, Route } from '../../../src/protocol/message.ts'
import { MESSAGE_CATEGORIES } from '../../protocol/covered.ts'
import { messagesIn, recordingsOf } from '../../protocol/recorded.ts'
import { CELERYEV, eventsMessage } from '../events/tellings.ts'
import { config, EXPORT, message, withBody } from '../messages.ts'
import { Random } from './random.ts'
import { type ResultRow, StoryRecord, type Told } from './record.ts'
import { STORIES } from './stories.ts'

export interface Publish {
  readonly message: Message
  readonly route: Route
}

export interface History {
  readonly tasks: number
  /** In the order in which it happened. */
  readonly published: readonly Publish[]
  readonly results: readonly ResultRow[]
}

const PLATFORM: Route = { exchange: '', routingKey: config.platformQueue }

/** What so many tasks leave behind, and all that Python was recorded sending; the same again from the same seed. */
export function historyOf(tasks: number, seed: number, startMs: number): History {
  const story = new StoryRecord(startMs, new Random(seed))
  for (let at = 0; story.tasks < tasks; at += 1) STORIES[at % STORIES.length]?.(story)
  const told = [
    ...story.messages,
    ...inLists(story, story.events).map((one) => ({ ...one, what: carried(one.what) })),
    ...inLists(story, story.platformEvents).map((one) => ({ ...one, what: copied(one.what) })),
  ]
  const inOrder = told.sort((one, other) => one.atMs - other.atMs).map(({ what }) => what)
  return {
    tasks: story.tasks,
    published: [...recorded(startMs), ...unreadable(), ...inOrder],
    results: story.results,
  }
}

/** As workers batch them. */
function inLists<What>(story: StoryRecord, events: readonly Told<What>[]): Told<What[]>[] {
  return story.random.pieces(events, 24).map((list) => ({
    atMs: list.at(-1)?.atMs ?? 0,
    what: list.map(({ what }) => what),
  }))
}

function carried(events: readonly unknown[]): Publish {
  return { message: eventsMessage(events), route: CELERYEV }
}

function copied(events: readonly unknown[]): Publish {
  return { message: eventsMessage(events, { [EVENTS_HEADER]: 1 }), route: PLATFORM }
}

/** Calls that nobody can read, and a list of events that is none. */
function unreadable(): Publish[] {
  const broken = ['[1, 2', '{"no": "task"}', '"text"'].map((body, at) =>
    withBody(`bad-${at}`, body),
  )
  const nothing = eventsMessage(['no event'])
  return [
    ...broken.map((one) => ({ message: one, route: EXPORT })),
    { message: { ...message(), headers: {} }, route: EXPORT },
    { message: nothing, route: CELERYEV },
    { message: { ...nothing, body: Buffer.from('{') }, route: CELERYEV },
  ]
}

/** Messages that were recorded say nothing of when: the broker's time is added. None may expire before it is recorded. */
function recorded(startMs: number): Publish[] {
  const timestamp = Math.floor(startMs / 1000)
  const calls = recordingsOf(MESSAGE_CATEGORIES).flatMap(messagesIn)
  const events = [...recordingsOf(['events']), 'compat52-events'].flatMap(messagesIn)
  return [...calls, ...events].map(({ message: given, exchange, routingKey }) => {
    const { expiration, ...properties } = given.properties
    return {
      message: { ...given, properties: { ...properties, timestamp } },
      route: exchange === 'celeryev' ? { ...CELERYEV, routingKey } : EXPORT,
    }
  })
}
