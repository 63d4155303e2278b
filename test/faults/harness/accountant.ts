import { readFileSync } from 'node:fs'
import type { Broker } from '../../../src/brokers/broker.ts'
import type { Database } from '../../../src/database/database.ts'
import type { Process } from '../../support/processes.ts'
import { waitFor } from '../../support/wait-for.ts'

export interface Books {
  readonly database: Database
  readonly broker: Broker
  /** The work queues, and how many consumers each should have. */
  readonly consumers: Readonly<Record<string, number>>
  readonly services: Readonly<Record<string, Process>>
}

/** What was found when all faults were over. */
export interface Account {
  readonly accepted: number
  /** Accepted, and the monitor has no row of it. */
  readonly unrecorded: readonly string[]
  /** Recorded, and not ended as it should have. */
  readonly unfinished: readonly string[]
  readonly neverRan: readonly string[]
  /** Runs beyond the first, of tasks that are acknowledged late. */
  readonly repeats: number
  readonly messagesLeft: Readonly<Record<string, number>>
  readonly consumersMissing: readonly string[]
  /** Services that keep a core busy though there is nothing to do. */
  readonly spinning: readonly string[]
}

const SETTLED = { deadlineMs: 60_000, intervalMs: 500 }

/** Compares what producers were promised with what happened. */
export class Accountant {
  readonly #books: Books
  readonly #accepted = new Set<string>()

  constructor(books: Books) {
    this.#books = books
  }

  /** The broker has confirmed it: from now on it counts. */
  accept(taskId: string): void {
    this.#accepted.add(taskId)
  }

  /** Once all is quiet, or as it is where it does not become so. */
  async account(): Promise<Account> {
    await waitFor('the record to be complete', () => this.#isComplete(), SETTLED).catch(
      () => undefined,
    )
    const states = await this.#states()
    const runs = await this.#runs()
    const ids = [...this.#accepted]
    return {
      accepted: ids.length,
      unrecorded: ids.filter((id) => !states.has(id)),
      unfinished: ids.filter((id) => states.has(id) && states.get(id) !== 'SUCCESS'),
      neverRan: ids.filter((id) => !runs.has(id)),
      repeats: [...runs.values()].reduce((sum, count) => sum + count - 1, 0),
      ...(await this.#queues()),
      spinning: await this.#spinning(),
    }
  }

  async #isComplete(): Promise<boolean> {
    const states = await this.#states()
    const { messagesLeft } = await this.#queues()
    return (
      [...this.#accepted].every((id) => states.get(id) === 'SUCCESS') &&
      Object.values(messagesLeft).every((count) => count === 0)
    )
  }

  async #states(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#books.database.query<{ task_id: string; status: string }>(
      'select task_id, status from monitor.task_history',
    )
    return new Map(rows.map(({ task_id: id, status }) => [id, status]))
  }

  async #runs(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#books.database.query<{ task_id: string; count: number }>(
      'select task_id, count(*)::int as count from runs group by task_id',
    )
    return new Map(rows.map(({ task_id: id, count }) => [id, count]))
  }

  async #queues(): Promise<Pick<Account, 'messagesLeft' | 'consumersMissing'>> {
    const { broker, consumers } = this.#books
    const depths = await Promise.all(
      Object.entries(consumers).map(async ([queue, wanted]) => {
        return { queue, wanted, ...(await broker.depth(queue)) }
      }),
    )
    return {
      messagesLeft: Object.fromEntries(depths.map(({ queue, messages }) => [queue, messages ?? 0])),
      consumersMissing: depths
        .filter(({ consumers: found, wanted }) => found !== wanted)
        .map(({ queue }) => queue),
    }
  }

  /** Idle, a service takes less than a tenth of a core. */
  async #spinning(): Promise<readonly string[]> {
    const services = Object.entries(this.#books.services)
    const before = services.map(([, { pid }]) => cpuSeconds(pid))
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    return services
      .filter(([, { pid }], at) => cpuSeconds(pid) - (before[at] ?? 0) > 0.3)
      .map(([name]) => name)
  }
}

/** User and system time, in hundredths: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
