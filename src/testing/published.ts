import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import type { Message, Route } from '../protocol/message.ts'
import { decodeTask } from '../protocol/tasks/decode-task.ts'

/** A call as it was published: read back from the bytes of its message. */
export interface PublishedMessage {
  readonly id: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly eta: Date | null
  readonly expires: Date | null
  readonly retries: number
  readonly priority: number | null
  readonly exchange: string
  readonly routingKey: string
  readonly message: Message
}

/** What is expected of a call; what is not named may be anything. */
export type ExpectedCall = Partial<Omit<PublishedMessage, 'message' | 'task'>>

const READABLE = ['json', 'yaml', 'msgpack']

export function publishedMessage({
  message,
  route,
}: {
  readonly message: Message
  readonly route: Route
}): PublishedMessage {
  const request = decodeTask(message, READABLE)
  const { id, task, args, kwargs, retries } = request
  return {
    id,
    task,
    args,
    kwargs,
    retries,
    eta: dateOf(request.eta),
    expires: dateOf(request.expires),
    priority: message.properties.priority ?? null,
    exchange: route.exchange,
    routingKey: route.routingKey,
    message,
  }
}

/** The calls of the task that are as expected; throws an AssertionError that lists those there were, where none is. */
export function requirePublished(
  all: readonly PublishedMessage[],
  task: string,
  expected: ExpectedCall,
): readonly PublishedMessage[] {
  const ofTask = all.filter((call) => call.task === task)
  const found = ofTask.filter((call) => isAsExpected(call, expected))
  if (found.length > 0) return found
  const seen = ofTask.length > 0 ? ofTask : all
  throw new AssertionError({
    message: `expected a call of ${task}${expectedText(expected)}; published ${seen.length === 0 ? 'was nothing' : `were:\n${seen.map(lineOf).join('\n')}`}`,
    actual: seen.map(({ message: _, ...call }) => call),
    expected: { task, ...expected },
    operator: 'published',
  })
}

function isAsExpected(call: PublishedMessage, expected: ExpectedCall): boolean {
  return Object.entries(expected).every(([name, value]) =>
    isDeepStrictEqual(call[name as keyof ExpectedCall], value),
  )
}

function expectedText(expected: ExpectedCall): string {
  return Object.keys(expected).length === 0 ? '' : ` with ${JSON.stringify(expected)}`
}

function lineOf({ task, args, kwargs, routingKey }: PublishedMessage): string {
  return `  ${task} ${JSON.stringify(args)} ${JSON.stringify(kwargs)} to ${routingKey}`
}

function dateOf(time: string | null): Date | null {
  return time === null ? null : new Date(time)
}
