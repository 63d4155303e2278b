import { repr } from '../../codecs/python/python-repr.ts'
import type { CommandFunction } from '../../control/mailbox.ts'
import { type Arguments, isTrue, refused, textsOf } from './arguments.ts'
import type { ControlledWorker } from './controlled-worker.ts'
import type { LiveTaskOptions } from './live-options.ts'
import { scheduledInfo, taskInfo } from './task-info.ts'

interface TaskCommandParts {
  readonly worker: ControlledWorker
  readonly options: LiveTaskOptions
}

/** What a worker has to do and what it can do, with Celery's names and answers; those behind it are their old names. */
export function taskCommands(
  parts: TaskCommandParts,
): readonly (readonly [string, CommandFunction])[] {
  const { worker } = parts
  const active = ({ safe }: Arguments): unknown => activeTasks(worker, isTrue(safe))
  const reserved = (): unknown => worker.reserved().map((job) => taskInfo(job, hostOf(worker)))
  const scheduled = (): unknown => worker.scheduled().map((job) => scheduledInfo(job, worker.name))
  const registered = (args: Arguments): unknown => registeredTasks(parts, args)
  return [
    ['active', active],
    ['dump_active', active],
    ['reserved', reserved],
    ['dump_reserved', reserved],
    ['scheduled', scheduled],
    ['dump_schedule', scheduled],
    ['registered', registered],
    ['dump_tasks', registered],
    ['query_task', (args) => queryTask(worker, textsOf(args, 'ids'))],
  ]
}

function activeTasks(worker: ControlledWorker, isSafe: boolean): readonly unknown[] {
  return worker
    .active()
    .map(({ job, startedAt, pid }) => taskInfo(job, { ...hostOf(worker), startedAt, pid, isSafe }))
}

/** Of these tasks those that are here: `{ id: [state, info] }`. */
function queryTask(
  worker: ControlledWorker,
  ids: readonly string[],
): Readonly<Record<string, unknown>> {
  const matches = ({ request }: { readonly request: { readonly id: string } }): boolean =>
    ids.includes(request.id)
  const waiting = (state: string, jobs: ReturnType<ControlledWorker['reserved']>) =>
    jobs.filter(matches).map((job) => [job.request.id, [state, taskInfo(job, hostOf(worker))]])
  const active = worker.active().filter(({ job }) => matches(job))
  return Object.fromEntries([
    ...waiting('scheduled', worker.scheduled()),
    ...waiting('reserved', worker.reserved()),
    ...active.map(({ job, startedAt, pid }) => [
      job.request.id,
      ['active', taskInfo(job, { ...hostOf(worker), startedAt, pid })],
    ]),
  ])
}

function hostOf(worker: ControlledWorker): { readonly hostname: string } {
  return { hostname: worker.name }
}

const DEFAULT_ITEMS = ['exchange', 'routing_key', 'rate_limit']

/** "name [rate_limit=10/m]": each task with those of its options that it has. */
function registeredTasks(
  { worker, options }: TaskCommandParts,
  { taskinfoitems: items, builtins }: Arguments,
): readonly string[] {
  if (items !== undefined && items !== null && !Array.isArray(items)) {
    throw refused('taskinfoitems', items, 'a list of names of options')
  }
  const wanted = (items?.length ? (items as readonly unknown[]) : DEFAULT_ITEMS).filter(
    (item): item is string => typeof item === 'string' && !item.startsWith('_'),
  )
  return worker.tasks(isTrue(builtins)).map((task) => {
    const attributes: Readonly<Record<string, unknown>> = {
      ...worker.defaultOptions(),
      ...saidIn(task.options),
      ...options.of(task),
      name: task.name,
    }
    const shown = wanted.flatMap((item) => {
      const value = attributes[camelCase(item)]
      return value === undefined || value === null ? [] : [`${item}=${asText(value)}`]
    })
    return shown.length === 0 ? task.name : `${task.name} [${shown.join(' ')}]`
  })
}

/** An option that is undefined says nothing. */
function saidIn(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function camelCase(item: string): string {
  return item.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

/** As Python's str. */
function asText(value: unknown): string {
  return typeof value === 'string' ? value : repr(value)
}
