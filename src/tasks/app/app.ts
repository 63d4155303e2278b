import type { Config } from '../../config/config.ts'
import { TaskError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Route } from '../../protocol/message.ts'
import { signatureDict } from '../../protocol/signatures.ts'
import { type CallOptions, toWireOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import type { GroupResult } from '../../results/group-result.ts'
import { annotatedOptions } from '../annotations.ts'
import { callDefaults, taskDefaults } from '../calls/call-defaults.ts'
import type { OwnCall } from '../calls/priority.ts'
import { type PublishContext, publish } from '../calls/publish.ts'
import type { Publisher, Started, StartWith } from '../calls/publisher.ts'
import { sentFields } from '../calls/sent-event.ts'
import type { CallInput } from '../calls/task-call.ts'
import { TaskRoutes } from '../calls/task-routes.ts'
import { startSignature } from '../canvas/start.ts'
import type {
  AnyKwargs,
  BesideKwargs,
  Counted,
  GivenOf,
  MergedKwargs,
  NamedKwargs,
  NoKwargs,
} from '../kwargs-types.ts'
import { Signature } from '../signature.ts'
import { callOptionsOf, Task } from '../task.ts'
import type { TaskContext } from '../task-context.ts'
import { checkTaskOptions, type TaskOptions } from '../task-options.ts'
import { TaskRegistry } from '../task-registry.ts'
import type {
  AnySchema,
  Beginnings,
  BoundTaskFunction,
  Endings,
  InputOf,
  OutputOf,
  SchemaArgs,
  TaskFunction,
} from '../task-types.ts'
import { AppResults } from './app-results.ts'
import { type AppOptions, ConnectedApp } from './connected-app.ts'
import { becomeCurrent } from './current-app.ts'
import type {
  ArgsOf,
  RemoteKwargs,
  RemoteRest,
  RemoteTasks,
  ResultOf,
  Unlisted,
} from './remote-tasks.ts'

type Bound = TaskOptions & { readonly bind: true }
type Unbound = TaskOptions & { readonly bind?: false }
/** Nothing that would give keyword arguments their place. */
interface Undeclared {
  readonly params?: undefined
  readonly schema?: undefined
}

/**
 * An application: its config, its tasks, and the ways to call them (Celery's `Celery()`).
 * Nothing is connected until it is needed; `close()` closes what was opened.
 */
export class App extends ConnectedApp implements Publisher {
  readonly tasks = new TaskRegistry()
  #routes: TaskRoutes
  readonly #ofTasks: CallOptions
  readonly #publishing: PublishContext
  readonly #made = new AppResults({
    store: async () => await this.results(),
    revoke: async (taskIds, { wait, ...options }) =>
      this.control.revoke(taskIds, { ...options, reply: wait }),
  })

  constructor(config: Config, options: AppOptions = {}) {
    super(config, options)
    this.#routes = new TaskRoutes(config, this.logger)
    this.#ofTasks = taskDefaults(config)
    becomeCurrent(this)
    this.#publishing = {
      withOwnOptions: (call) => this.#withOwnOptions(call),
      routes: () => this.#routes,
      defaults: callDefaults(config, this.replyTo),
      protocol: config.task_protocol,
      outgoing: () => this.outgoing(),
      openedPublisher: () => this.openedPublisher,
      hold: (dated) => this.waiting.hold(dated),
      onPublished: config.task_send_sent_event
        ? (published) => this.events.emit('task-sent', sentFields(published))
        : undefined,
    }
  }

  get linksChordHeaders(): boolean {
    return this.config.task_allow_error_cb_on_chord_header
  }

  override useLogger(logger: Logger): void {
    super.useLogger(logger)
    if (this.logger === logger) this.#routes = new TaskRoutes(this.config, logger)
  }

  /** Declares a task. Its name's first dotted part is its routing key: "export.pdf" goes to the queue "export". */
  task<Args extends readonly unknown[], Value>(
    name: string,
    run: TaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>, NoKwargs>
  /** With a schema: what it gives is the function's last argument, what it takes that of a call. */
  task<Schema extends AnySchema, Value>(
    name: string,
    options: Omit<Unbound, 'schema'> & { readonly schema: Schema },
    run: (input: OutputOf<Schema>) => Value | Promise<Value>,
  ): Task<
    SchemaArgs<InputOf<Schema>>,
    Awaited<Value>,
    MergedKwargs<InputOf<Schema>>,
    (input: OutputOf<Schema>) => Value | Promise<Value>
  >
  task<Schema extends AnySchema, Value>(
    name: string,
    options: Omit<Bound, 'schema'> & { readonly schema: Schema },
    run: (self: TaskContext, input: OutputOf<Schema>) => Value | Promise<Value>,
  ): Task<
    SchemaArgs<InputOf<Schema>>,
    Awaited<Value>,
    MergedKwargs<InputOf<Schema>>,
    (self: TaskContext, input: OutputOf<Schema>) => Value | Promise<Value>
  >
  /** With `params`: keyword arguments have the types of the parameters they name. */
  task<const Names extends readonly string[], Args extends readonly unknown[], Value>(
    name: string,
    options: Omit<Unbound, 'params'> & { readonly params: Names },
    run: TaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>, NamedKwargs<Names, Args>>
  task<const Names extends readonly string[], Args extends readonly unknown[], Value>(
    name: string,
    options: Omit<Bound, 'params'> & { readonly params: Names },
    run: BoundTaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>, NamedKwargs<Names, Args>, BoundTaskFunction<Args, Awaited<Value>>>
  task<Args extends readonly unknown[], Value>(
    name: string,
    options: Bound & Undeclared,
    run: BoundTaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>, BesideKwargs<AnyKwargs>, BoundTaskFunction<Args, Awaited<Value>>>
  task<Args extends readonly unknown[], Value>(
    name: string,
    options: Unbound & Undeclared,
    run: TaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>, NoKwargs>
  task<Args extends readonly unknown[], Value>(
    name: string,
    options: Bound,
    run: BoundTaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>, AnyKwargs, BoundTaskFunction<Args, Awaited<Value>>>
  task<Args extends readonly unknown[], Value>(
    name: string,
    options: Unbound,
    run: TaskFunction<Args, Value>,
  ): Task<Args, Awaited<Value>>
  task(name: string, ...rest: readonly unknown[]): Task<never, unknown, never, never> {
    const [options, run] = rest.length === 1 ? [{}, rest[0]] : rest
    if (typeof name !== 'string' || name === '') {
      throw new TaskError('TASK_INVALID', `a task's name is ${String(name)}, expected a text`)
    }
    if (typeof run !== 'function' || typeof options !== 'object' || options === null) {
      throw new TaskError(
        'TASK_INVALID',
        `task "${name}" has no function: app.task(name, [options,] function)`,
      )
    }
    checkTaskOptions(name, options)
    const annotated = annotatedOptions(name, options, this)
    checkTaskOptions(name, annotated)
    // Its overloads know more of the function than can be said here.
    const task = new Task<never, unknown, never, never>(this, {
      name,
      options: annotated,
      run: run as never,
    })
    this.tasks.add(task)
    return task
  }

  /** Calls a task of another app by its name; those of `contract pull` have types. */
  async sendTask<Value = unknown, Name extends string = string>(
    name: Unlisted<Name>,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<AsyncResult<Value>>
  async sendTask<Name extends keyof RemoteTasks, Count extends number>(
    name: Name,
    args: Beginnings<ArgsOf<Name>> & Counted<Count>,
    ...kwargsAndOptions: RemoteRest<Name, GivenOf<ArgsOf<Name>, Count>>
  ): Promise<AsyncResult<ResultOf<Name>>>
  async sendTask<Value = unknown>(
    name: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<AsyncResult<Value>> {
    const taskId = await this.publish({ task: name, args, kwargs, options })
    return this.asyncResult<Value>(taskId, name)
  }

  /** A signature of a task by name, wherever it lives; those of `contract pull` have types. */
  signature<Value = unknown, Name extends string = string>(
    name: Unlisted<Name>,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options?: CallOptions & { readonly isImmutable?: boolean },
  ): Signature<Value>
  signature<Name extends keyof RemoteTasks>(
    name: Name,
    args?: Beginnings<ArgsOf<Name>> | Endings<ArgsOf<Name>>,
    kwargs?: Partial<RemoteKwargs<Name, readonly []>>,
    options?: CallOptions & { readonly isImmutable?: boolean },
  ): Signature<ResultOf<Name>>
  signature<Value = unknown>(
    name: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: CallOptions & { readonly isImmutable?: boolean } = {},
  ): Signature<Value> {
    const { isImmutable = false, ...callOptions } = options
    return new Signature<Value>(
      this,
      signatureDict({
        task: name,
        args,
        kwargs,
        options: toWireOptions(callOptions),
        immutable: isImmutable,
      }),
    )
  }

  publish(call: CallInput): Promise<string> {
    return publish(call, this.#publishing)
  }

  /** With the options of the task itself, where it is declared here; as in Celery, only then the config's priority and limits count. */
  #withOwnOptions(call: CallInput): OwnCall {
    const task = this.tasks.get(call.task)
    if (task === undefined) return { ...call, isDeclared: false }
    const own = callOptionsOf(task.options, call.args)
    return { ...call, options: { ...this.#ofTasks, ...own, ...call.options }, isDeclared: true }
  }

  /** Where a call of this task would be published. Throws `UnroutableTaskError`. */
  routeOf(task: string): Route {
    const { exchange, routingKey } = this.#routes.routeOf({
      task,
      args: [],
      kwargs: {},
      options: {},
    })
    return { exchange, routingKey }
  }

  start(signature: SignatureDict, startWith: StartWith = {}): Promise<Started> {
    return startSignature(this, signature, startWith)
  }

  /** The result of a call, by its id; nothing is read until it is asked. */
  asyncResult<Value = unknown>(taskId: string, taskName?: string): AsyncResult<Value> {
    return this.#made.ofTask(taskId, taskName)
  }

  resultOf<Value>(started: Started): AsyncResult<Value> {
    return this.#made.of(started)
  }

  groupResult<Value>(started: Started): GroupResult<Value> {
    return this.#made.ofGroup(started)
  }

  /** The result, with those before it, from what `asTuple()` or Python's `as_tuple()` gave. */
  resultFromTuple(tuple: unknown): AsyncResult {
    return this.#made.ofTuple(tuple)
  }

  /** The results of a group that was saved under its id; null where none was. */
  async restoreGroup<Value = unknown>(groupId: string): Promise<GroupResult<Value> | null> {
    const members = await (await this.results()).restoreGroup?.(groupId)
    return members ? this.#made.ofSavedGroup(groupId, members) : null
  }
}
