import { getHeapStatistics } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import { deferred } from '../../../async/deferred.ts'
import { TaskError } from '../../../errors.ts'
import type { TaskRequest } from '../../../protocol/tasks/task-request.ts'
import type { App } from '../../../tasks/app/app.ts'
import { childrenOf } from '../../../tasks/calls/current-request.ts'
import { areFollowupsTaken } from '../../../tasks/calls/followups.ts'
import type { Task } from '../../../tasks/task.ts'
import { loadTelemetry } from '../../../telemetry/traces/open-telemetry.ts'
import { withinTrace } from '../../../telemetry/traces/trace-run.ts'
import { builtInTasks } from '../../built-in/built-in-tasks.ts'
import type { Outcome } from '../../outcomes/outcome.ts'
import { surviveRejections } from '../../outcomes/rejections.ts'
import { RunningTask } from '../../running-task.ts'
import { fromBorder, toBorder } from './border-values.ts'
import type { ChildPort, RunEnd, ToChild } from './messages.ts'
import { Asks, remoteEnvironment, remoteLogger } from './remote-environment.ts'

/** In a child: runs the calls that come, until the worker ends it. */
export async function serveCalls(app: App, port: ChildPort): Promise<void> {
  const ended = deferred<void>()
  const logger = remoteLogger(port)
  app.useLogger(logger)
  surviveRejections(logger)
  await loadTelemetry()
  const served = new ServedCalls(app, port)
  port.onMessage((message) => {
    if (message.kind === 'run') void served.run(message)
    else if (message.kind === 'answer') served.asks.answered(message)
    else ended.resolve()
  })
  port.send({ kind: 'ready' })
  await ended.promise
  await app.close()
}

type RunMessage = ToChild & { readonly kind: 'run' }

class ServedCalls {
  readonly asks: Asks
  readonly #app: App
  readonly #port: ChildPort
  readonly #builtIn: ReturnType<typeof builtInTasks>

  constructor(app: App, port: ChildPort) {
    this.asks = new Asks(port)
    this.#app = app
    this.#port = port
    this.#builtIn = builtInTasks(app)
  }

  async run({ call, request: crossed, soft, trace }: RunMessage): Promise<void> {
    const request = fromBorder(crossed) as TaskRequest // as child-run.ts sent it
    const task = this.#app.tasks.get(request.task) ?? this.#builtIn.get(request.task)
    const outcome =
      task === undefined
        ? unknownHere(request)
        : // A worker that does not trace knows only where the call was made.
          await withinTrace({ ...request.headers, ...trace }, async () =>
            this.#outcomeOf(call, { request, task, soft }),
          )
    const error = outcome.kind === 'failure' ? outcome.error : undefined
    const types = task?.options.throwsExpected ?? []
    const end: RunEnd = {
      outcome,
      children: childrenOf(request),
      isHandedOver: areFollowupsTaken(request),
      expected: types.findIndex((type) => error instanceof type),
      memoryBytes: memoryBytes(),
    }
    this.#sendEnd(call, end)
  }

  /** What cannot be cloned, as memory that is shared or was given away, fails the task and not its child. */
  #sendEnd(call: number, end: RunEnd): void {
    try {
      this.#port.send({ kind: 'done', call, end: endAtBorder(end) })
    } catch (error) {
      const outcome: Outcome = { kind: 'failure', error, runtimeMs: 0 }
      this.#port.send({ kind: 'done', call, end: endAtBorder({ ...end, outcome, expected: -1 }) })
    }
  }

  async #outcomeOf(
    call: number,
    run: {
      readonly request: TaskRequest
      readonly task: Task<readonly never[], unknown>
      readonly soft: number | null
    },
  ): Promise<Outcome> {
    const { request, task, soft } = run
    const environment = remoteEnvironment(call, {
      app: this.#app,
      port: this.#port,
      asks: this.asks,
      soft,
    })
    const running = new RunningTask(request, task, environment)
    running.run()
    return await running.outcome
  }
}

/** Part by part: of an outcome whose value cannot be read the rest still arrives. */
function endAtBorder({ outcome, ...rest }: RunEnd): unknown {
  return { ...partsAtBorder(rest), outcome: partsAtBorder(outcome) }
}

function partsAtBorder(parts: object): object {
  return Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, toBorder(value)]))
}

function unknownHere({ task }: TaskRequest): Outcome {
  const error = new TaskError(
    'TASK_NOT_REGISTERED',
    `the module of the app declares no task "${task}" when a child of the pool loads it`,
  )
  return { kind: 'failure', error, runtimeMs: 0 }
}

/** A thread counts its own heap: the rest is the process's. */
function memoryBytes(): number {
  if (isMainThread) return process.memoryUsage.rss()
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}
