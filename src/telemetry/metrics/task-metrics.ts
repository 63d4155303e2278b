import type { Counter, Gauge, Histogram } from 'prom-client'
import type { Connection } from '../../database/database.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { BoundedLabels } from './bounded-labels.ts'
import type { MetricSource, MetricsKit } from './metrics.ts'

/** Of a task that is over; in seconds. */
interface Finished {
  readonly id: string
  readonly name: string | null
  readonly state: string
  readonly wait: number | null
  readonly run: number | null
}

const EVERY_MS = 2_000
const MOST_FOLLOWED = 50_000
const MOST_AT_ONCE = 10_000
const SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]

interface TaskMetricsOptions {
  readonly database: Connection
  readonly logger?: Logger
  /** The most names of tasks with labels of their own. Default 200. */
  readonly mostNames?: number
  /** The most tasks that are followed at a time. Default 50,000. */
  readonly mostFollowed?: number
}

/**
 * How tasks fare: each monitor follows those whose message it has recorded until a message, an event or a result reports their end, so
 * that the counts of several monitors can be added up.
 */
export class TaskMetrics implements MetricSource {
  readonly name = 'tasks'
  readonly #database: Connection
  readonly #logger: Logger
  readonly #labels: BoundedLabels
  readonly #mostFollowed: number
  readonly #followed = new Set<string>()
  readonly #finished: Counter
  readonly #wait: Histogram
  readonly #run: Histogram
  readonly #lost: Counter
  readonly #turns: Periodic
  #looking: Promise<void> | undefined

  constructor({ prometheus, registry }: MetricsKit, options: TaskMetricsOptions) {
    const { database, logger = silentLogger, mostNames, mostFollowed = MOST_FOLLOWED } = options
    this.#database = database
    this.#logger = logger
    this.#labels = new BoundedLabels(mostNames)
    this.#mostFollowed = mostFollowed
    this.#turns = periodic(() => this.#look(), {
      name: 'counting finished tasks',
      everyMs: EVERY_MS,
      firstAfterMs: EVERY_MS,
    })
    const registers = [registry]
    this.#finished = new prometheus.Counter({
      name: 'celery_toolbox_tasks_finished_total',
      help: 'Tasks that are over, by name and state.',
      labelNames: ['task', 'state'],
      registers,
    })
    const durations = { labelNames: ['task'], buckets: SECONDS, registers }
    this.#wait = new prometheus.Histogram({
      ...durations,
      name: 'celery_toolbox_task_wait_seconds',
      help: 'From when a task was due until a worker started it.',
    })
    this.#run = new prometheus.Histogram({
      ...durations,
      name: 'celery_toolbox_task_run_seconds',
      help: 'How long a task ran.',
    })
    this.#lost = new prometheus.Counter({
      name: 'celery_toolbox_tasks_unfollowed_total',
      help: 'Tasks whose end is not counted here, as too many were under way.',
      registers,
    })
    const followed: Gauge = new prometheus.Gauge({
      name: 'celery_toolbox_tasks_followed',
      help: 'Tasks that this monitor follows until they are over.',
      registers,
      collect: () => followed.set(this.#followed.size),
    })
  }

  start(): void {
    void this.#turns.start()
  }

  async stop(): Promise<void> {
    await this.#turns.stop()
    await this.#looking
  }

  /** Messages of these tasks were recorded. */
  follow(taskIds: readonly string[]): void {
    for (const id of taskIds) {
      this.#followed.delete(id)
      this.#followed.add(id)
    }
    let tooMany = this.#followed.size - this.#mostFollowed
    if (tooMany > 0) this.#lost.inc(tooMany)
    for (const id of this.#followed) {
      if (tooMany <= 0) return
      tooMany -= 1
      this.#followed.delete(id)
    }
  }

  async collect(): Promise<void> {
    await this.#look()
  }

  /** One look at a time. */
  async #look(): Promise<void> {
    this.#looking ??= this.#lookOnce()
      .catch((error: unknown) => {
        this.#logger.debug({ err: error }, 'finished tasks could not be read for metrics')
      })
      .finally(() => {
        this.#looking = undefined
      })
    await this.#looking
  }

  async #lookOnce(): Promise<void> {
    const ids = [...this.#followed].slice(0, MOST_AT_ONCE)
    if (ids.length === 0) return
    // To the end of the line, so that the others have their turn.
    for (const id of ids) {
      this.#followed.delete(id)
      this.#followed.add(id)
    }
    for (const task of await this.#database.query<Finished>(FINISHED, [ids])) this.#count(task)
  }

  #count({ id, name, state, wait, run }: Finished): void {
    if (!this.#followed.delete(id)) return
    const task = this.#labels.of(name)
    this.#finished.inc({ task, state })
    if (wait !== null) this.#wait.observe({ task }, Math.max(0, wait))
    if (run !== null) this.#run.observe({ task }, run)
  }
}

const FINISHED = `
  SELECT task_id AS id, name, state, runtime_ms / 1000 AS run,
    extract(epoch FROM started_at - greatest(published_at, eta))::double precision AS wait
  FROM monitor.task
  WHERE task_id = ANY($1::text[]) AND finished_at IS NOT NULL`
