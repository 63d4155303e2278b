import { TaskError } from '../../errors.ts'
import { showValue } from '../../protocol/show-value.ts'
import { CHUNKS, chunksGroup, MAP, STARMAP } from '../../protocol/signature-tree/kinds.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { App } from '../../tasks/app/app.ts'
import type { TaskContext } from '../../tasks/task-context.ts'
import { type BuiltInTask, builtIn } from './built-in-task.ts'
import { MappedCall } from './mapped-call.ts'

/** `celery.map`: another task's function with each item. */
export function mapTask(app: App): BuiltInTask {
  return builtIn(app, MAP, { bind: true }, async (self: TaskContext) => {
    const { task, it } = self.request.kwargs
    return await eachInTurn(app, self, { task, calls: itemsOf(it).map((item) => [item]) })
  })
}

/** `celery.starmap`: the same, each item being a list of arguments. */
export function starmapTask(app: App): BuiltInTask {
  return builtIn(app, STARMAP, { bind: true }, async (self: TaskContext) => {
    const { task, it } = self.request.kwargs
    return await eachInTurn(app, self, { task, calls: itemsOf(it).map(itemsOf) })
  })
}

/** `celery.chunks`: starts a group of starmaps; its value is the group's id. */
export function chunksTask(app: App): BuiltInTask {
  return builtIn(app, CHUNKS, { bind: true }, async (self: TaskContext) => {
    const { task, it, n } = self.request.kwargs
    const chunks = readSignature({ task: CHUNKS, args: [], kwargs: { task, it, n }, options: {} })
    return (await app.start(chunksGroup(chunks))).id
  })
}

/** One after the other, as in Python: the calls of one task do not compete with each other. */
async function eachInTurn(
  app: App,
  self: TaskContext,
  { task, calls }: { readonly task: unknown; readonly calls: readonly (readonly unknown[])[] },
): Promise<unknown[]> {
  const { task: name } = readSignature(task)
  const registered = app.tasks.get(name)
  if (registered === undefined) {
    throw new TaskError(
      'TASK_NOT_REGISTERED',
      `cannot map "${name}": it is not a task of this app; the tasks here are: ${app.tasks.names.join(', ')}`,
    )
  }
  // A task's function takes what its callers send; nothing narrower can be known of it here.
  const run = registered.run as (...args: readonly unknown[]) => unknown
  const isBound = registered.options.bind === true
  const values: unknown[] = []
  for (const args of calls) {
    const own = isBound ? [new MappedCall(self, name, args)] : []
    values.push(await run(...own, ...args))
  }
  return values
}

function itemsOf(items: unknown): readonly unknown[] {
  if (Array.isArray(items)) return items
  throw new TaskError('TASK_INVALID', `cannot map over ${showValue(items)}, expected a list`)
}
