import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import type { CeleryApp } from '../../src/index.ts'

/** A task that ran, or began to. */
export interface Run {
  readonly taskId: string
  readonly kind: 'step' | 'member' | 'body'
  readonly number: number
  readonly part: number
  /** The process that ran it, and the worker it belongs to. */
  readonly process: number
  readonly worker: number
  /** In milliseconds. */
  readonly at: number
}

/** A message as it came to the platform queue, which gets a copy of each that is published. */
export interface Published {
  readonly taskId: string
  readonly task: string
  readonly parentId: string | null
  /** The process that published it. */
  readonly process: number
  /** When it came, in milliseconds. */
  readonly at: number
}

/** The table in which tasks note that they run. */
export async function tableOfRuns(url: string): Promise<{ all(): Promise<readonly Run[]> }> {
  const client = new Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(
    `create table runs (task_id text not null, kind text not null, number int not null, part int not null,
       process int not null, worker int not null, at timestamptz not null default clock_timestamp())`,
  )
  return {
    all: async () => {
      const { rows } = await client.query<Run>(
        `select task_id as "taskId", kind, number, part, process, worker, extract(epoch from at)::float8 * 1000 as at
         from runs order by at`,
      )
      return rows
    },
  }
}

/** Takes what is published off the platform queue, from now on. */
export async function listenToPublished(app: CeleryApp): Promise<readonly Published[]> {
  const published: Published[] = []
  await (await app.readyBroker()).consume('platform.fifo', { prefetch: 1_000 }, (delivery) => {
    const message = readPublished(delivery.message.headers)
    // One that is delivered again, after a restart, may have been seen.
    if (!(delivery.redelivered && published.some((other) => isSame(other, message)))) {
      published.push(message)
    }
    // A connection that is lost delivers again.
    delivery.ack().catch(() => undefined)
  })
  return published
}

function readPublished({
  id,
  task,
  parent_id,
  origin,
}: Readonly<Record<string, unknown>>): Published {
  return {
    taskId: String(id),
    task: String(task),
    parentId: typeof parent_id === 'string' ? parent_id : null,
    process: Number(/^gen(\d+)@/.exec(String(origin))?.[1]),
    at: Date.now(),
  }
}

function isSame(one: Published, other: Published): boolean {
  return (
    one.taskId === other.taskId && one.process === other.process && one.parentId === other.parentId
  )
}
