import { hash } from 'node:crypto'
import type { Headers, Message, MessageProperties, Route } from '../../protocol/message.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { parseIso } from '../../protocol/times.ts'
import { changesOf } from '../../schedule/vault.ts'
import { storableOrNull, storableText } from '../stored/storable-text.ts'
import { jsonbText } from '../stored/stored-json.ts'
import type { CallSource } from '../tasks/task-progress.ts'
import { publishedProgress, type TaskProgress } from '../tasks/task-progress.ts'
import { followUpsOf } from './follow-ups.ts'
import { resultBodies } from './result-bodies.ts'
import { taskOptions } from './task-options.ts'

/** What one message, or one event, says of its task: a row of monitor.task. */
export interface TaskEntry extends TaskProgress {
  readonly source: CallSource
  readonly taskId: string
  /** 'task'; 'flow' and 'flow-step' of a run of a flow. */
  readonly kind: string
  readonly name: string | null
  /** Text for jsonb columns; null where the body was not read. */
  readonly args: string | null
  readonly kwargs: string | null
  readonly options: string
  readonly followUps: string | null
  readonly queue: string | null
  readonly routingKey: string | null
  readonly origin: string | null
  readonly lang: string | null
  readonly rootId: string | null
  readonly parentId: string | null
  readonly groupId: string | null
  readonly etaMs: number | null
  readonly expiresMs: number | null
  readonly retries: number
  /** Breaks the tie between messages with the same number of retries: a replaced task keeps its id. */
  readonly nesting: number
  /** Breaks the next: what waited in the vault may have been changed there. */
  readonly changes: number
  readonly publishedAtMs: number | null
  readonly creatorId: string | null
  readonly relatedType: string | null
  readonly relatedId: string | null
  readonly isResult: boolean
  readonly replayOf: string | null
  /** Bodies of chords that it marks with is_result. */
  readonly resultBodies: readonly string[]
  /** A hash of what was called, where it is no later attempt and was not changed; of several calls the least. */
  readonly firstCall: string | null
  /** Several first calls are known. */
  readonly isClash: boolean
}

export interface TaskOrigin {
  /** As it was delivered. */
  readonly message: Message
  readonly route: Route
  readonly queue: string | null
  readonly receivedAtMs: number
}

/** Spelled out field by field: an object of so many that is put together from others takes ten times as long. */
export function taskEntry(request: TaskRequest, from: TaskOrigin): TaskEntry {
  const { headers, properties } = from.message
  const changes = changesOf(from.message)
  const options = taskOptions(request, {
    properties,
    changes,
    compression: headers.compression,
    isUnrouted: from.queue === null,
  })
  const retries = wholeNumber(request.retries)
  const followUps = followUpsOf(request)
  const progress = publishedProgress(retries)
  const family = familyOf(request)
  const name = storableText(request.task)
  const args = jsonbText(request.args)
  const kwargs = jsonbText(request.kwargs)
  const nesting = wholeNumber(request.replacedTaskNesting)
  const owner = ownerOf(headers, properties)
  return {
    state: progress.state,
    stateAtMs: progress.stateAtMs,
    receivedAtMs: progress.receivedAtMs,
    startedAtMs: progress.startedAtMs,
    runtimeMs: progress.runtimeMs,
    worker: progress.worker,
    exception: progress.exception,
    traceback: progress.traceback,
    stored: progress.stored,
    source: 'message',
    taskId: storableText(request.id),
    kind: typeof headers.flow_atom === 'string' ? 'flow-step' : 'task',
    name,
    args,
    kwargs,
    options: jsonbText(options),
    followUps: followUps === null ? null : jsonbText(followUps),
    queue: from.queue,
    routingKey: storableText(from.route.routingKey),
    origin: storableOrNull(request.origin),
    lang: storableOrNull(request.lang),
    rootId: family.rootId,
    parentId: family.parentId,
    groupId: family.groupId,
    etaMs: timeMs(request.eta),
    expiresMs: timeMs(request.expires),
    retries,
    nesting,
    changes,
    publishedAtMs: publishedAtMs(from),
    creatorId: owner.creatorId,
    relatedType: owner.relatedType,
    relatedId: owner.relatedId,
    isResult: owner.isResult,
    replayOf: owner.replayOf,
    resultBodies: resultBodies(request),
    firstCall: retries + nesting + changes === 0 ? hashOf(`${name}\n${args}\n${kwargs}`) : null,
    isClash: false,
  }
}

function hashOf(call: string): string {
  return hash('sha256', call).slice(0, 16)
}

/** A task without a root is the root of its own family. */
export function familyOf({
  id,
  rootId,
  parentId,
  group,
}: Pick<TaskRequest, 'id' | 'rootId' | 'parentId' | 'group'>) {
  return {
    rootId: storableText(rootId ?? id),
    // Python names the task itself as the parent of its retries.
    parentId: parentId === id ? null : storableOrNull(parentId),
    groupId: storableOrNull(group),
  }
}

/** Options that Celery does not know: AMQP carries them as headers only, SQS as properties too. */
function ownerOf(headers: Headers, properties: MessageProperties) {
  const others = properties as Readonly<Record<string, unknown>>
  return {
    creatorId: shortText(headers.creator_id ?? others.creator_id),
    relatedType: shortText(headers.related_content_type_id ?? others.related_content_type_id),
    relatedId: shortText(headers.related_object_id ?? others.related_object_id),
    isResult: isTrue(headers.is_result ?? others.is_result),
    replayOf: shortText(headers.replay_of ?? others.replay_of),
  }
}

function shortText(value: unknown): string | null {
  if (typeof value === 'string') return storableText(value)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return value === null || value === undefined ? null : jsonbText(value)
}

function isTrue(value: unknown): boolean {
  if (typeof value === 'string') return /^(?:true|1)$/i.test(value)
  return Boolean(value)
}

/**
 * When the monitor saw it, or, better, when the broker took it, where the broker is set to say so
 * (https://www.rabbitmq.com/docs/message-interceptors).
 */
function publishedAtMs({ message, receivedAtMs }: TaskOrigin): number {
  const { timestamp_in_ms: ms } = message.headers
  const { timestamp } = message.properties
  if (isPast(ms, receivedAtMs)) return ms
  const seconds = typeof timestamp === 'number' ? timestamp * 1000 : undefined
  return isPast(seconds, receivedAtMs) ? seconds : receivedAtMs
}

/** No message is older than Celery. */
function isPast(ms: unknown, nowMs: number): ms is number {
  return typeof ms === 'number' && ms > 1_240_000_000_000 && ms <= nowMs
}

/** As Celery reads a time without an offset: UTC. */
export function timeMs(text: string | null): number | null {
  return text === null ? null : parseIso(text).getTime()
}

/** A count as a column of type integer holds it. */
export function wholeNumber(count: number): number {
  return Math.min(Math.trunc(count), 2_147_483_647)
}
