import { readSignature, signatureDict } from '../../protocol/signatures.ts'
import type { App } from '../../tasks/app/app.ts'
import type { TaskContext } from '../../tasks/task-context.ts'
import { type BuiltInTask, builtIn } from './built-in-task.ts'

/** `celery.accumulate`: its arguments as a list, or the one at `index`; what a replaced group ends with. */
export function accumulateTask(app: App): BuiltInTask {
  return builtIn(
    app,
    'celery.accumulate',
    { bind: true },
    (self: TaskContext, ...args: unknown[]) => {
      const { index } = self.request.kwargs
      return typeof index === 'number' ? args.at(index) : args
    },
  )
}

/**
 * `celery.chain`, `celery.group` and `celery.chord` as messages of their own, as older producers send them: each
 * starts what its arguments describe; its value is the id that stands for the whole.
 */
export function canvasTasks(app: App): readonly BuiltInTask[] {
  return ['chain', 'group', 'chord'].map((kind) =>
    builtIn(
      app,
      `celery.${kind}`,
      { bind: true },
      async (self: TaskContext, ...args: unknown[]) => {
        const { partial_args: partial = [], ...kwargs } = self.request.kwargs
        const [first, second] = args
        const given = kind === 'chord' ? { header: first, body: second } : { tasks: first }
        const present = Object.fromEntries(
          Object.entries(given).filter(([, value]) => value !== undefined),
        )
        const whole = signatureDict({
          task: `celery.${kind}`,
          kwargs: { ...kwargs, ...present },
          subtask_type: kind,
        })
        const started = await app.start(readSignature(whole), {
          args: Array.isArray(partial) ? partial : [],
        })
        return started.id
      },
    ),
  )
}
