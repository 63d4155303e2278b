import type { App } from '../../tasks/app/app.ts'
import type { Job } from '../job.ts'
import type { WorkerPools } from '../pools/worker-pools.ts'
import type { Admission } from '../receiving/admission.ts'
import type { WorkQueues } from '../receiving/work-queues.ts'
import { taskDefaults } from '../task-defaults.ts'
import type { TaskRunner } from '../task-runner.ts'
import type { WaitingJobs } from '../waiting/waiting-jobs.ts'
import type { WorkerEvents } from '../worker-events.ts'
import type { ControlledWorker } from './controlled-worker.ts'

interface WorkerParts {
  readonly app: App
  readonly name: string
  readonly queues: WorkQueues
  readonly waiting: WaitingJobs
  readonly pools: WorkerPools
  /** Of the tasks that every worker has. */
  readonly builtInNames: readonly string[]
  readonly taskNamed: (name: string) => Job['task'] | undefined
  readonly admission: () => Admission
  /** These two are undefined before the worker has started. */
  readonly runner: () => TaskRunner | undefined
  readonly events: () => WorkerEvents | undefined
  readonly shutDown: () => void
}

/** What remote control sees of a worker and does to it, made of the worker's parts. */
export function workerUnderControl(parts: WorkerParts): ControlledWorker {
  const { app, waiting, runner, admission } = parts
  return {
    name: parts.name,
    queues: parts.queues,
    events: parts.events,
    pool: () => parts.pools,
    active: () => runner()?.active ?? [],
    task: parts.taskNamed,
    tasks: (withBuiltIns) => tasksByName(parts, withBuiltIns),
    defaultOptions: () => taskDefaults(app.config),
    isRunning: (taskId) => runner()?.isRunning(taskId) ?? false,
    reserved: () => waiting.reserved,
    scheduled: () => waiting.scheduled,
    totals: () => runner()?.totals ?? {},
    terminate: (matches, how) => runner()?.terminate(matches, how) ?? [],
    discardWaiting: (matches) => admission().discard(({ request }) => matches(request)),
    requeueLimited: (task) => waiting.requeueLimited(task),
    shutDown: parts.shutDown,
  }
}

function tasksByName(
  { app, builtInNames, taskNamed }: WorkerParts,
  withBuiltIns: boolean,
): readonly Job['task'][] {
  const names = new Set([...app.tasks.names, ...(withBuiltIns ? builtInNames : [])])
  return [...names].sort().flatMap((name) => taskNamed(name) ?? [])
}
