import type { Headers } from '../message.ts'

/** The headers Celery itself writes; https://docs.celeryq.dev/en/stable/internals/protocol.html#definition */
const CELERY_HEADERS: ReadonlySet<string> = new Set([
  'lang',
  'task',
  'id',
  'root_id',
  'parent_id',
  'group',
  'group_index',
  'shadow',
  'eta',
  'expires',
  'retries',
  'timelimit',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'ignore_result',
  'replaced_task_nesting',
  'stamped_headers',
  'stamps',
  'compression',
])

/** Written by the broker when a message comes back; it must not travel on. */
const BROKER_HEADERS = /^x-(?:first-|last-)?death/

/** What the caller added to a message's headers. */
export function userHeaders(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !(CELERY_HEADERS.has(name) || BROKER_HEADERS.test(name)),
    ),
  )
}
