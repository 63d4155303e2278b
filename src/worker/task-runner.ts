import type { Broker, Delivery } from '../brokers/broker.ts'
import { BrokerError, ProtocolError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { TaskRequest } from '../protocol/task-request.ts'
import type { TaskResult } from '../protocol/task-result.ts'
import { parseIso } from '../protocol/times.ts'
import type { ResultStore } from '../results/result-store.ts'
import type { App } from '../tasks/app.ts'
import { Reject } from '../tasks/signals.ts'
import type { Task } from '../tasks/task.ts'
import { AckPolicy, type AckSettings } from './ack-policy.ts'
import { publishAfterFailure, publishAfterSuccess, stepsCutOff } from './follow-ups.ts'
import type { KeptMessages } from './kept-messages.ts'
import type { Outcome } from './outcome.ts'
import { retryMessage } from './retry-message.ts'
import { RunningTask } from './running-task.ts'
import {
  notRegisteredResult,
  type RunPlace,
  resultOf,
  stateResult,
  unencodableResult,
} from './stored-outcome.ts'

/** A delivery on its way through the worker. */
export interface Job {
  readonly delivery: Delivery
  readonly request: TaskRequest
  readonly task: Task<readonly never[], unknown>
}

export interface RunnerParts {
  readonly app: App
  readonly broker: Broker
  readonly results: ResultStore
  readonly kept: KeptMessages
  readonly logger: Logger
  readonly name: string
  readonly onTaskError:
    | ((error: unknown, context: Readonly<Record<string, unknown>>) => void)
    | undefined
}

/** Outcomes that may wait to be stored before slots wait for them. */
const MOST_CONCLUDING = 2_000

/** Runs jobs that have a slot: from the delivery to its settling. */
export class TaskRunner {
  readonly #parts: RunnerParts
  readonly #ackSettings: AckSettings
  readonly #policies = new Map<string, AckPolicy>()
  readonly #running = new Set<RunningTask>()
  readonly #isResultless: boolean
  #concluding = 0

  constructor(parts: RunnerParts) {
    this.#parts = parts
    const { config } = parts.app
    this.#ackSettings = {
      acksLate: config.task_acks_late,
      acksOnFailure: config.task_acks_on_failure_or_timeout,
    }
    this.#isResultless = parts.results.kind === 'disabled'
  }

  /** Ends every run without waiting for it. */
  abandonAll(): void {
    for (const running of this.#running) running.abandon()
  }

  /**
   * Runs one job. `onFree` is called when the function has ended: what is left needs no slot, unless so many
   * outcomes wait to be stored that taking on more would only pile them up.
   */
  async perform(job: Job, onFree: () => void): Promise<void> {
    const acks = this.#policyOf(job.task)
    let outcome: Outcome
    try {
      await acks.beforeRun(job.delivery)
      outcome = await this.#outcomeOf(job)
    } catch (error) {
      onFree()
      throw error
    }
    this.#concluding += 1
    const isCrowded = this.#concluding > MOST_CONCLUDING
    if (!isCrowded) onFree()
    await this.#conclude(job, outcome, acks)
    this.#concluding -= 1
    if (isCrowded) onFree()
  }

  /** Callers of a task that nobody here knows are told so. */
  async saveNotRegistered(request: TaskRequest, queue: string): Promise<void> {
    if (this.#isResultless || request.ignoreResult === true) return
    try {
      await this.#parts.results.save(notRegisteredResult(request, this.#place(queue)))
    } catch (error) {
      this.#parts.logger.error(
        { taskId: request.id, task: request.task, err: error },
        'cannot store that a task is not registered',
      )
    }
  }

  async #outcomeOf({ request, task, delivery }: Job): Promise<Outcome> {
    if (request.expires !== null && parseIso(request.expires).getTime() <= Date.now()) {
      return { kind: 'revoked', reason: 'expired' }
    }
    if (request.fault !== undefined) return { kind: 'failure', error: request.fault, runtimeMs: 0 }
    const place = this.#place(delivery.queue)
    if (this.#tracksStart(request, task)) this.#saveStarted(request, place)
    const running = new RunningTask(request, task, {
      logger: this.#parts.logger,
      saveState: async (of, state, meta) => {
        await this.#parts.results.save(stateResult(of, place, { state, meta }))
      },
    })
    this.#running.add(running)
    const outcome = await running.run()
    this.#running.delete(running)
    return outcome
  }

  /** Journey 5/8, result: what follows is published, the outcome is stored, and only then the message is settled. */
  async #conclude(job: Job, outcome: Outcome, acks: AckPolicy): Promise<void> {
    try {
      const final = await this.#publishFollowUps(job, outcome, acks)
      await this.#save(job, final)
      await this.#settle(job, final, acks)
      this.#report(job, final)
    } catch (error) {
      this.#parts.logger.error(
        { taskId: job.request.id, task: job.request.task, err: error },
        'cannot store or hand on the outcome of a task',
      )
      if (acks.isLate && !job.delivery.isSettled) await job.delivery.requeue()
    }
  }

  /** Publishes what the outcome leads to. Where a success cannot be handed on, it is no success. */
  async #publishFollowUps(job: Job, outcome: Outcome, acks: AckPolicy): Promise<Outcome> {
    const { app, logger } = this.#parts
    if (outcome.kind === 'retry') return await this.#publishRetry(job, outcome)
    try {
      if (outcome.kind === 'success') await publishAfterSuccess(app, job.request, outcome.value)
      if (outcome.kind === 'failure') await publishAfterFailure(app, job.request)
      return outcome
    } catch (error) {
      // A broker that is away is no fault of the task: its message will come again, if it still can.
      if (acks.isLate && error instanceof BrokerError) throw error
      if (outcome.kind === 'success')
        return { kind: 'failure', error, runtimeMs: outcome.runtimeMs }
      logger.error(
        { taskId: job.request.id, task: job.request.task, err: error },
        'cannot call the errbacks of a task',
      )
      return outcome
    }
  }

  async #publishRetry(job: Job, outcome: Outcome & { readonly kind: 'retry' }): Promise<Outcome> {
    try {
      const { message, route } = retryMessage(job.delivery, job.request, outcome)
      await this.#parts.broker.publish(message, route)
      return outcome
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return {
        kind: 'reject',
        reason: `its retry could not be published: ${reason}`,
        requeue: false,
      }
    }
  }

  async #save(job: Job, outcome: Outcome): Promise<void> {
    if (this.#isResultless || this.#ignoresResult(job, outcome)) return
    const place = this.#place(job.delivery.queue)
    const result = resultOf(job.request, outcome, place)
    if (result === null) return
    await this.#saveEncodable(job.request, result, place)
    if (outcome.kind === 'failure') await this.#failStepsCutOff(job.request, result)
  }

  async #saveEncodable(request: TaskRequest, result: TaskResult, place: RunPlace): Promise<void> {
    try {
      await this.#parts.results.save(result)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      await this.#parts.results.save(unencodableResult(request, place, error))
    }
  }

  /** Whoever waits for the end of a broken chain gets the error that broke it. */
  async #failStepsCutOff(request: TaskRequest, failure: TaskResult): Promise<void> {
    const steps = stepsCutOff(request)
    await Promise.all(
      steps.map(async (taskId) => this.#parts.results.save({ ...failure, taskId, name: null })),
    )
  }

  async #settle({ delivery }: Job, outcome: Outcome, acks: AckPolicy): Promise<void> {
    switch (acks.afterRun(outcome)) {
      case 'nothing':
        return
      case 'ack':
        return await delivery.ack()
      case 'requeue':
        return await delivery.requeue()
      case 'keep':
        return await this.#parts.kept.keep(delivery, reasonToKeep(outcome))
    }
  }

  #report({ request, delivery }: Job, outcome: Outcome): void {
    const { logger, onTaskError } = this.#parts
    const fields = { taskId: request.id, task: request.task, queue: delivery.queue }
    switch (outcome.kind) {
      case 'success':
        logger.info({ ...fields, runtimeMs: outcome.runtimeMs }, 'task succeeded')
        return
      case 'failure':
        logger.error({ ...fields, err: outcome.error }, 'task failed')
        onTaskError?.(outcome.error, { ...fields, retries: request.retries })
        return
      case 'retry':
        logger.info(
          { ...fields, countdown: outcome.countdown, err: outcome.cause },
          'task will be retried',
        )
        return
      case 'ignore':
      case 'reject':
      case 'revoked':
      case 'abandoned':
        logger.warn({ ...fields, outcome: outcome.kind }, 'task did not run to its end')
    }
  }

  #tracksStart(request: TaskRequest, { options }: Job['task']): boolean {
    if (this.#isResultless || request.ignoreResult === true) return false
    return options.trackStarted ?? this.#parts.app.config.task_track_started
  }

  /** Not waited for: a task must not start later because somebody may want to know that it has. */
  #saveStarted(request: TaskRequest, place: RunPlace): void {
    const meta = { pid: process.pid, hostname: this.#parts.name }
    this.#parts.results
      .save(stateResult(request, place, { state: 'STARTED', meta }))
      .catch((error: unknown) => {
        this.#parts.logger.warn(
          { taskId: request.id, err: error },
          'cannot store that a task has started',
        )
      })
  }

  #ignoresResult({ request, task }: Job, outcome: Outcome): boolean {
    const { config } = this.#parts.app
    const ignores = request.ignoreResult ?? task.options.ignoreResult ?? config.task_ignore_result
    return ignores && !(outcome.kind === 'failure' && config.task_store_errors_even_if_ignored)
  }

  #place(queue: string): RunPlace {
    return { worker: this.#parts.name, queue }
  }

  #policyOf(task: Job['task']): AckPolicy {
    let policy = this.#policies.get(task.name)
    if (policy === undefined) {
      policy = new AckPolicy(task.options, this.#ackSettings)
      this.#policies.set(task.name, policy)
    }
    return policy
  }
}

function reasonToKeep(outcome: Outcome): unknown {
  if (outcome.kind === 'failure') return outcome.error
  return outcome.kind === 'reject' ? new Reject(outcome.reason) : new Reject(outcome.kind)
}
