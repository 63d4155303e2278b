import { type Dict, entriesOf, isDict, itemAtKey, orderedDict } from '../codecs/ordered-dict.ts'
import { TaskFailedError, UsageError } from '../errors.ts'
import {
  ackWith,
  CommonService,
  type RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../recipes/index.ts'
import { idOfText, messageId } from '../recipes/record/message-id.ts'
import type { App } from '../tasks/app/app.ts'

const QUEUE = 'celery.task'

/**
 * Calls the Celery task that a step names, in whichever language it is, and waits for it. What it returns goes to the
 * output `result`, its failure to `failure`. The id of the task follows from the message: one that is delivered again
 * finds the task that it had called.
 */
export class CeleryTask extends CommonService {
  static override serviceName = 'Celery Task'
  static override loggerName = 'celery_toolbox.service.celery_task'
  static override concurrency = 20

  override async initializing(): Promise<void> {
    if (this.#app === undefined) throw new UsageError('CeleryTask needs an app: -A app.ts')
    await wrapSubscribe(
      this.transport,
      QUEUE,
      async (wrapper, header) => {
        if (wrapper !== null) await this.#call(wrapper, header)
      },
      {
        acknowledgement: true,
        prefetchCount: CeleryTask.concurrency,
        logExtender: (field, value, work) => this.extendLog(field, value, work),
        log: this.log,
      },
    )
  }

  get #app(): App | undefined {
    return this.environment.app as App | undefined // the command's -A
  }

  async #call(wrapper: RecipeWrapper, header: TransportHeader): Promise<void> {
    const call = callIn(wrapper)
    if (call === null) {
      this.log.error('the step names no task in its parameters, its message is rejected')
      await this.transport.nack(header)
      return
    }
    const outcome = await this.#outcome(call, isAgain(header))
    if ('failure' in outcome && !hasOutput(wrapper, 'failure')) throw outcome.failure
    await ackWith(this.transport, header, async (options) => {
      if ('failure' in outcome) {
        return await wrapper.sendTo('failure', failureOf(call, outcome.failure), options)
      }
      wrapper.setDefaultChannel('result')
      await wrapper.send(outcome.result, options)
    })
  }

  async #outcome(call: Call, mayBeThere: boolean): Promise<Outcome> {
    const { task, args, kwargs, id, runId, stepId, queue, timeoutMs } = call
    const app = this.#app
    if (app === undefined) throw new UsageError('CeleryTask needs an app: -A app.ts')
    const called = app.asyncResult(id, task)
    if (!(mayBeThere && (await called.isReady()))) {
      const ids = { taskId: id, ...(runId !== null && { rootId: runId }), parentId: stepId }
      // The key, too: a queue alone does not win over a route that names one.
      const route = queue === null ? {} : { queue, routingKey: queue }
      await app.sendTask(task, args, kwargs, { ...ids, ...route })
      this.log.info({ task, task_id: id }, 'a task was called')
    }
    try {
      const wait = timeoutMs === null ? {} : { timeoutMs }
      return { result: await called.get({ ...wait, signal: this.leaving }) }
    } catch (error) {
      if (error instanceof TaskFailedError) return { failure: error }
      throw error
    }
  }
}

type Outcome = { readonly result: unknown } | { readonly failure: TaskFailedError }

interface Call {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly queue: string | null
  readonly timeoutMs: number | null
  readonly id: string
  readonly stepId: string
  readonly runId: string | null
}

/** Null where the step does not say which task. Without `args` the payload is the only one. */
function callIn(wrapper: RecipeWrapper): Call | null {
  const given = itemAtKey(wrapper.recipeStep ?? {}, 'parameters')
  const parameters: Dict = isDict(given) ? given : {}
  const [task, args, kwargs] = ['task', 'args', 'kwargs'].map((key) => itemAtKey(parameters, key))
  if (typeof task !== 'string' || task === '') return null
  const [queue, timeout] = [itemAtKey(parameters, 'queue'), itemAtKey(parameters, 'timeout')]
  const stepId = messageId(messageOf(wrapper))
  const runId = itemAtKey(wrapper.environment, 'ID')
  return {
    task,
    args: Array.isArray(args) ? args : [wrapper.payload],
    kwargs: isDict(kwargs) ? Object.fromEntries(entriesOf(kwargs)) : {},
    queue: typeof queue === 'string' ? queue : null,
    timeoutMs: timeout === undefined || timeout === null ? null : Number(timeout) * 1000,
    id: idOfText(`celery task of ${stepId}`),
    stepId,
    runId: typeof runId === 'string' && runId !== '' ? runId : null,
  }
}

/** As it was sent, in the order in which every language sends it. */
function messageOf(wrapper: RecipeWrapper): Dict {
  return orderedDict([
    ['environment', wrapper.environment],
    ['payload', wrapper.payload],
    ['recipe', wrapper.recipe.recipe],
    ['recipe-path', wrapper.recipePath],
    ['recipe-pointer', wrapper.recipePointer],
  ])
}

function isAgain({
  redelivered,
  'x-delivery-count': count,
  'dlq-reinjected': back,
}: TransportHeader): boolean {
  return redelivered === true || Number(count ?? 0) > 0 || back !== undefined
}

function hasOutput(wrapper: RecipeWrapper, channel: string): boolean {
  const output = itemAtKey(wrapper.recipeStep ?? {}, 'output')
  return isDict(output) && itemAtKey(output, channel) !== undefined
}

function failureOf({ task, id }: Call, { state, excType, message, traceback }: TaskFailedError) {
  return { task, task_id: id, state, exception: excType, message, traceback }
}
