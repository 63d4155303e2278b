import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Broker } from '../../../src/brokers/broker.ts'
import type { Database } from '../../../src/database/database.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Held, leaksSince } from './leaks.ts'
import type { Targets } from './targets.ts'

export interface Books {
  readonly database: Database
  readonly broker: Broker
  /** The work queues, and how many consumers each should have. */
  readonly consumers: Readonly<Record<string, number>>
  readonly targets: Targets
  /** What producers were promised, and what tasks did: a line each. */
  readonly ledger: () => readonly Line[]
  readonly held: () => Promise<Held>
  /** How long to wait while nothing changes. */
  readonly patienceMs?: number
}

/** A line that a producer or a task wrote. */
export interface Line {
  readonly id: string
  readonly name: string
  readonly what: 'accepted' | 'begin' | 'end'
  readonly at: number
}

/** A fault, and when it struck. */
export interface Struck {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** What was found when all faults were over: all but the numbers must be empty. */
export interface Account {
  readonly accepted: number
  /** Runs beyond the first, of tasks that are acknowledged late, which a fault explains. */
  readonly repeats: number
  /** Accepted, and the monitor has no row of it. */
  readonly unrecorded: readonly string[]
  /** Recorded, and not ended as it should have. */
  readonly unfinished: readonly string[]
  readonly neverRan: readonly string[]
  readonly unexplained: readonly string[]
  readonly messagesLeft: Readonly<Record<string, number>>
  readonly consumersMissing: readonly string[]
  /** Services that keep a core busy though there is nothing to do. */
  readonly spinning: readonly string[]
  /** What is held open beyond what was before the faults. */
  readonly leaks: readonly string[]
}

/** So long nothing may come nearer to its end; as long as something does, it is waited for, however slow the machine. */
const PATIENCE_MS = 90_000
const LOOK_EVERY_MS = 500
/** The driver of Redis keeps the timer of a command that was lost for as long as redis_socket_timeout. */
const FLAT = { deadlineMs: 60_000, everyMs: 1_000 }
/** A message comes again some time after the fault that gave it back. */
const AFTERMATH_MS = 20_000

/** Compares what producers were promised with what happened. */
export class Accountant {
  readonly #books: Books

  constructor(books: Books) {
    this.#books = books
  }

  /** Once all is quiet, or as it is where it does not become so. */
  async account(struck: readonly Struck[], before: Held): Promise<Account> {
    await this.#settled()
    const states = await this.#states()
    const lines = this.#books.ledger()
    const runs = runsOf(lines)
    const calls = accepted(lines)
    const again = [...runs.values()].flatMap(repeatsOf)
    return {
      accepted: calls.length,
      unrecorded: calls.filter(({ id }) => !states.has(id)).map(({ id }) => id),
      unfinished: await this.#unfinished(),
      neverRan: calls.filter(({ id }) => !runs.has(id)).map(({ id, name }) => `${name} ${id}`),
      repeats: again.length,
      unexplained: again
        .filter(({ name }) => !isPythons(name))
        .filter((repeat) => !struck.some((fault) => explains(fault, repeat)))
        .map(({ id, name, from, to }) => `${name} ${id} ran again after ${to - from} ms`),
      ...(await this.#queues()),
      leaks: await this.#leaks(before),
      spinning: await this.#spinning(),
    }
  }

  async #settled(): Promise<void> {
    const { patienceMs = PATIENCE_MS } = this.#books
    let least = Number.POSITIVE_INFINITY
    let leastAt = Date.now()
    for (;;) {
      const left = await this.#left().catch(() => least) // a server may just have come back
      if (left === 0) return
      if (left < least) [least, leastAt] = [left, Date.now()]
      if (Date.now() - leastAt >= patienceMs) return
      await wait(LOOK_EVERY_MS)
    }
  }

  /** How much is not as it will be in the end. */
  async #left(): Promise<number> {
    const lines = this.#books.ledger()
    const runs = runsOf(lines)
    const { messagesLeft, consumersMissing } = await this.#queues()
    const messages = Object.values(messagesLeft).reduce((sum, count) => sum + count, 0)
    const neverRan = accepted(lines).filter(({ id }) => !runs.has(id)).length
    return neverRan + (await this.#unfinished()).length + messages + consumersMissing.length
  }

  /**
   * What did not end in the right state. Python's worker is not what is tried: where its backend is away it stores a
   * failure, or nothing, and the record must say what it has stored.
   */
  async #unfinished(): Promise<readonly string[]> {
    const states = await this.#states()
    const stored = await this.#stored()
    const spoiled = await this.#spoiled()
    return accepted(this.#books.ledger()).flatMap(({ id, name }) => {
      const { status, reason } = states.get(id) ?? {}
      const kept = stored.get(id)
      const isPythonsEnd = isPythons(name) && (status === kept || !isEnd(kept))
      const isKept = status === 'UNHEARD' && spoiled.some((body) => speaksOf(body, id))
      return status === 'SUCCESS' || isPythonsEnd || isKept
        ? []
        : [`${name} ${id} is ${status} (${reason})`]
    })
  }

  async #states(): Promise<ReadonlyMap<string, Recorded>> {
    const rows = await this.#books.database.query<Recorded & { readonly task_id: string }>(
      'select task_id, status, reason from monitor.task_history',
    )
    return new Map(rows.map((row) => [row.task_id, row]))
  }

  async #stored(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#books.database.query<{ task_id: string; status: string }>(
      'select task_id, status from celery_taskmeta',
    )
    return new Map(rows.map(({ task_id: id, status }) => [id, status]))
  }

  /** Events whose bytes a network has turned over are kept whole, and nothing follows from them: their tasks stay in doubt. */
  async #spoiled(): Promise<readonly string[]> {
    const rows = await this.#books.database.query<{ readonly body: Buffer }>(
      "select body from monitor.quarantine where exchange = 'celeryev'",
    )
    return rows.map(({ body }) => body.toString('latin1'))
  }

  async #queues(): Promise<Pick<Account, 'messagesLeft' | 'consumersMissing'>> {
    const { broker, consumers } = this.#books
    const depths = await Promise.all(
      Object.entries(consumers).map(async ([queue, wanted]) => {
        return { queue, wanted, ...(await broker.depth(queue)) }
      }),
    )
    const left = depths.filter(({ messages }) => messages > 0)
    return {
      messagesLeft: Object.fromEntries(left.map(({ queue, messages }) => [queue, messages])),
      consumersMissing: depths
        .filter(({ consumers: found, wanted }) => found !== wanted)
        .map(({ queue, consumers: found }) => `${queue} has ${found}`),
    }
  }

  /** A connection that a fault has ended may be noticed, and closed, some time later. */
  async #leaks(before: Held): Promise<readonly string[]> {
    let leaks: readonly string[] = []
    const look = async (): Promise<boolean> => {
      leaks = leaksSince(before, await this.#books.held())
      return leaks.length === 0
    }
    await waitFor('what is held open to be as before', look, FLAT).catch(() => undefined)
    return leaks
  }

  /** Idle, a service takes less than a tenth of a core. */
  async #spinning(): Promise<readonly string[]> {
    const victims = this.#books.targets.victims.filter(({ endsGracefully }) => endsGracefully)
    const before = victims.map(({ process: { pid } }) => cpuSeconds(pid))
    if (before.length > 0) await wait(5_000)
    return victims
      .map(({ name, process: { pid } }, at) => ({
        name,
        share: (cpuSeconds(pid) - (before[at] ?? 0)) / 5,
      }))
      .filter(({ share }) => share > 0.1)
      .map(({ name, share }) => `${name}: ${Math.round(share * 100)} % of a core`)
  }
}

/** What the record says of a task. */
interface Recorded {
  readonly status: string
  readonly reason: string | null
}

interface Repeat {
  readonly id: string
  readonly name: string
  readonly from: number
  readonly to: number
}

function repeatsOf(begun: readonly Line[]): Repeat[] {
  return begun.slice(1).map(({ id, name, at }, index) => ({
    id,
    name,
    from: begun[index]?.at ?? at,
    to: at,
  }))
}

/** Whether it struck something on the way of that task, before the second run and not long before the first. */
function explains({ name, from, to }: Struck, repeat: Repeat): boolean {
  if (/monitor/.test(name)) return false
  if (/Redis/.test(name) && !repeat.name.startsWith('redis.')) return false
  return from <= repeat.to && to >= repeat.from - AFTERMATH_MS
}

function accepted(lines: readonly Line[]): readonly Line[] {
  return lines.filter(({ what }) => what === 'accepted')
}

function isPythons(name: string): boolean {
  return name.startsWith('python.')
}

/** One byte of it is wrong, perhaps one of the id's: a half of it is right. */
function speaksOf(body: string, id: string): boolean {
  const middle = id.length >> 1
  return body.includes(id.slice(0, middle)) || body.includes(id.slice(middle))
}

function isEnd(state: string | undefined): boolean {
  return state === 'SUCCESS' || state === 'FAILURE'
}

function runsOf(lines: readonly Line[]): ReadonlyMap<string, readonly Line[]> {
  const runs = new Map<string, Line[]>()
  for (const line of lines) {
    if (line.what !== 'begin') continue
    const before = runs.get(line.id)
    if (before === undefined) runs.set(line.id, [line])
    else before.push(line)
  }
  return runs
}

/** User and system time, in hundredths: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
