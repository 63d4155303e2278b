import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Database } from '../../src/database/database.ts'

/** What a task wrote down of itself, whichever language ran it. */
export interface LedgerLine {
  readonly id: string
  readonly name: string
  readonly what: 'begin' | 'end'
  readonly worker: string
  readonly at: number
  /** How it ended, where the task knows. */
  readonly state?: string | undefined
  /** What it returned, where that has one form only: a number or a boolean. */
  readonly result?: unknown
}

/** The file into which tasks write what they do, apart from all that the monitor is told. */
export class Ledger {
  readonly #folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-ledger-'))

  constructor() {
    onTestFinished(() => rmSync(this.#folder, { recursive: true }))
  }

  get file(): string {
    return join(this.#folder, 'ledger')
  }

  lines(): readonly LedgerLine[] {
    if (!existsSync(this.file)) return []
    // The last line may be half written by a process that was killed.
    return readFileSync(this.file, 'utf8').split('\n').flatMap(lineOf)
  }

  runs(id: string): readonly LedgerLine[] {
    return this.lines().filter((line) => line.id === id && line.what === 'begin')
  }

  hasEnded(id: string): boolean {
    return this.lines().some((line) => line.id === id && line.what === 'end')
  }
}

function lineOf(text: string): LedgerLine[] {
  try {
    return [JSON.parse(text) as LedgerLine] // as the tasks write it
  } catch {
    return []
  }
}

/** What a test knows of its tasks. */
export interface Accounts {
  /** The workers that were killed, or stopped cold: their tasks may be lost, and be run again. */
  readonly killed?: ReadonlySet<string>
  /** The ids of all tasks: each of them has run. */
  readonly sent?: readonly string[]
  /** Names of tasks that leave no outcome. */
  readonly withoutOutcome?: ReadonlySet<string>
  /** Names of tasks that store no result: of those that workers without events run no end is known. */
  readonly unstored?: ReadonlySet<string>
  /** Names of tasks that give themselves back to their queue, and run again. */
  readonly again?: ReadonlySet<string>
  /** Names of tasks that end otherwise than with SUCCESS, and the status of each. */
  readonly ends?: Readonly<Record<string, string>>
  /** Whether what is lost is published again. Default true. */
  readonly isReplayed?: boolean
  /** Names of workers that send no events: of their tasks no times are known. */
  readonly silent?: ReadonlySet<string>
}

interface Row {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly reason: string | null
  readonly worker: string | null
  readonly replayOf: string | null
  readonly replayedAs: string | null
  readonly times: readonly (number | null)[]
}

/** What the record says otherwise than the ledger, in sentences; none where both agree. */
export async function disagreements(
  database: Database,
  ledger: Ledger,
  accounts: Accounts = {},
): Promise<readonly string[]> {
  const rows = await database.query<Row>(ROWS)
  const lines = ledger.lines()
  const known = new Set(rows.map(({ id }) => id))
  const ran = new Set(lines.map(({ id }) => id))
  const { sent = [] } = accounts
  return [
    ...sent.filter((id) => !ran.has(id)).map((id) => `${id} was sent and has not run`),
    ...lines.filter(({ id }) => !known.has(id)).map(({ id }) => `${id} ran and is not recorded`),
    ...rows.flatMap((row) =>
      problemsOf(row, { lines: lines.filter(({ id }) => id === row.id), rows, accounts }),
    ),
  ]
}

interface Seen {
  readonly lines: readonly LedgerLine[]
  readonly rows: readonly Row[]
  readonly accounts: Accounts
}

function problemsOf(row: Row, { lines, rows, accounts }: Seen): string[] {
  const run = runOf(row, lines, accounts)
  const { again = new Set() } = accounts
  const { begun, hasEnded, wasKilled, leaves } = run
  const isCutOff = wasKilled && !hasEnded
  const it = `${row.name} ${row.id} is ${row.status} (${row.reason})`
  const says = (isWrong: boolean, what: string): string[] => (isWrong ? [`${it}${what}`] : [])
  return [
    ...says(
      begun.length > 1 && !wasKilled && !again.has(row.name),
      `, and ran ${begun.length} times`,
    ),
    ...says(row.replayOf !== null && !isCutOff && !leaves.includes(row.status), ', a replay'),
    ...says(row.status === 'LOST' && !isCutOff, ', and was not killed'),
    ...says(hasEnded && !leaves.includes(row.status), `, and has ended: expected ${leaves}`),
    ...says(row.status === 'SUCCESS' && !hasEnded, ', and has not ended'),
    ...says(!isInOrder(row.times), `: its times are ${row.times.join(', ')}`),
    ...(isCutOff && !run.isSilent ? ofKilled(row, { rows, accounts, it, worker: run.worker }) : []),
  ]
}

/** What the ledger says of a task. */
function runOf(row: Row, lines: readonly LedgerLine[], accounts: Accounts) {
  const { killed = new Set(), silent = new Set() } = accounts
  const begun = lines.filter(({ what }) => what === 'begin')
  // A process may end between being told to begin and writing that down.
  const workers = [...begun.map(({ worker }) => worker), row.worker ?? '']
  const isSilent = begun.some(({ worker }) => silent.has(worker))
  return {
    begun,
    isSilent,
    worker: workers.find((worker) => killed.has(worker)),
    leaves: leavesOf(row.name, isSilent, accounts),
    hasEnded: lines.some(({ what }) => what === 'end'),
    wasKilled: workers.some((worker) => killed.has(worker)),
  }
}

/** The statuses in which a task that has ended may be. */
function leavesOf(
  name: string,
  isSilent: boolean,
  { withoutOutcome = new Set(), unstored = new Set(), ends = {} }: Accounts,
): readonly string[] {
  const end = ends[name]
  if (end !== undefined) return [end]
  // A worker without events stores that it started, and no more.
  if (withoutOutcome.has(name)) return isSilent ? ['UNHEARD', 'STARTED'] : ['UNHEARD']
  return unstored.has(name) && isSilent ? ['UNHEARD'] : ['SUCCESS']
}

interface Killed extends Pick<Seen, 'rows' | 'accounts'> {
  readonly it: string
  readonly worker: string | undefined
}

function ofKilled(row: Row, { rows, accounts, it, worker }: Killed): string[] {
  const { isReplayed = true } = accounts
  const replays = rows.filter(({ replayOf }) => replayOf === row.id)
  const wanted = isReplayed && row.replayOf === null ? 1 : 0
  const isNamed = row.reason?.includes(`worker ${worker}`) === true
  if (row.status === 'LOST' && isNamed && replays.length === wanted) return []
  return [`${it}, its worker was killed, and it was replayed ${replays.length} times`]
}

/** To a second, as the clocks of workers and of the monitor are not the same. */
export function isInOrder(times: readonly (number | null)[]): boolean {
  const known = times.filter((time) => time !== null)
  return known.every((time, at) => time + 1000 >= (known[at - 1] ?? 0))
}

const ROWS = `
  SELECT task_id AS id, name, status, reason, worker, replay_of AS "replayOf", lost ->> 'replayed_as' AS "replayedAs",
    ARRAY[extract(epoch FROM published_at)::float8 * 1000, extract(epoch FROM received_at)::float8 * 1000,
      extract(epoch FROM started_at)::float8 * 1000, extract(epoch FROM finished_at)::float8 * 1000] AS times
  FROM monitor.task_history
  ORDER BY published_at`
