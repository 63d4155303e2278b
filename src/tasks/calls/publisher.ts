import type { Logger } from '../../logger.ts'
import type { SignatureOptions } from '../../protocol/signature-tree/options.ts'
import type { CallOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import type { GroupResult } from '../../results/group-result.ts'
import type { ResultNode } from '../../results/result-node.ts'
import type { ResultStore } from '../../results/result-store.ts'
import type { CallInput } from './task-call.ts'

/** What signatures and canvas need of the app: a way to publish, and a way to wait for what comes of it. */
export interface Publisher {
  /** Publishes one call; resolves with its task id once the broker has confirmed it. */
  publish(call: CallInput): Promise<string>
  /** Starts a signature of any kind: a task, a chain, a group or a chord. */
  start(signature: SignatureDict, startWith?: StartWith): Promise<Started>
  /** Where results are kept, and the members of chords counted. */
  results(): Promise<ResultStore>
  /** The tasks that are declared here, by name. */
  readonly tasks: { get(name: string): unknown }
  readonly logger: Logger
  asyncResult<Value>(taskId: string, taskName?: string): AsyncResult<Value>
  /** The result of what was started: a task's, or a group's. */
  resultOf<Value>(started: Started): AsyncResult<Value>
  groupResult<Value>(started: Started): GroupResult<Value>
  /** The id that replies to this process are sent to; part of every call, as in Python. */
  readonly replyTo: string
  /** Whether an errback of a chord is one of its header's tasks, too: task_allow_error_cb_on_chord_header. */
  readonly linksChordHeaders: boolean
}

/** What comes before a signature's own arguments, and over its own options. */
export interface StartWith {
  readonly args?: readonly unknown[]
  /** Over its own, as in Celery: of the first step of a chain, of all members of a group or a chord's header. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly options?: CallOptions
  /** It is a member of a group: the running task records the group as its child. */
  readonly isMember?: boolean
  /** It is part of a workflow whose bounds were checked when that was started. */
  readonly isPart?: boolean
  /** Options that Celery does not know, set on the workflow it is part of. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** How a workflow starts: all of its options, and the arguments of its first tasks. */
export interface Opening extends SignatureOptions {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly isMember: boolean
}

/** What was started, as a tree of results. */
export type Started = ResultNode
