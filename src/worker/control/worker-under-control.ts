import type { App } from '../../tasks/app/app.ts'
import type { Job } from '../job.ts'
import type { TaskConsumer } from '../task-consumer.ts'
import { taskDefaults } from '../task-defaults.ts'
import type { WorkerEvents } from '../worker-events.ts'
import type { ControlledWorker } from './controlled-worker.ts'

interface WorkerParts {
  readonly app: App
  readonly name: string
  readonly consumer: TaskConsumer
  readonly events: WorkerEvents
  /** Of the tasks that every worker has. */
  readonly builtInNames: readonly string[]
  readonly shutDown: () => void
}

/** What remote control sees of a worker and does to it, made of the worker's parts. */
export function workerUnderControl(parts: WorkerParts): ControlledWorker {
  const { app, consumer } = parts
  const { waiting, runner, admission } = consumer
  return {
    name: parts.name,
    queues: consumer.queues,
    events: () => parts.events,
    pool: () => consumer.pools.all,
    active: () => runner.active,
    task: (name) => consumer.taskNamed(name),
    tasks: (withBuiltIns) => tasksByName(parts, withBuiltIns),
    defaultOptions: () => taskDefaults(app.config),
    isRunning: (taskId) => runner.isRunning(taskId),
    reserved: () => waiting.reserved,
    scheduled: () => waiting.scheduled,
    totals: () => runner.totals,
    terminate: (matches, how) => runner.terminate(matches, how),
    discardWaiting: (matches) => admission.discard(({ request }) => matches(request)),
    requeueLimited: (task) => waiting.requeueLimited(task),
    shutDown: parts.shutDown,
  }
}

function tasksByName(
  { app, builtInNames, consumer }: WorkerParts,
  withBuiltIns: boolean,
): readonly Job['task'][] {
  const names = new Set([...app.tasks.names, ...(withBuiltIns ? builtInNames : [])])
  return [...names].sort().flatMap((name) => consumer.taskNamed(name) ?? [])
}
