import { appendFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { currentRequest } from '../../src/tasks/calls/current-request.ts'
import { isInOrder, type LedgerLine } from './ledger.ts'
import { waitFor } from './wait-for.ts'

/** Tasks of this app write into the file that they begin and how they end, in whichever worker of it they run. */
export function keepLedger(app: CeleryApp, file: string): void {
  const { worker } = app
  const kept = new Set<unknown>()
  const keeping: CeleryApp['worker'] = (...args) => {
    for (const name of app.tasks.names) {
      const task = app.tasks.get(name)
      if (task === undefined || kept.has(task)) continue
      kept.add(task)
      Object.assign(task, { run: noted(task.run, { name, file }) })
    }
    return worker.apply(app, args)
  }
  Object.assign(app, { worker: keeping })
}

type Run = (...args: never[]) => unknown

function noted(run: Run, { name, file }: { readonly name: string; readonly file: string }): Run {
  const note = (id: string, what: LedgerLine['what'], end: Partial<LedgerLine> = {}): void => {
    const line = { id, name, what, worker: 'node', at: Date.now(), ...end }
    appendFileSync(file, `${JSON.stringify(line)}\n`)
  }
  const noting = async (...args: never[]): Promise<unknown> => {
    const id = currentRequest()?.id ?? ''
    note(id, 'begin')
    try {
      const value = await run(...args)
      note(id, 'end', value instanceof Error ? {} : { state: 'SUCCESS', ...plain(value) })
      return value
    } catch (error) {
      note(id, 'end', error instanceof Error && SIGNALS.has(error.name) ? {} : { state: 'FAILURE' })
      throw error
    }
  }
  return Object.defineProperty(noting, 'length', { value: run.length })
}

/** A value that is the same in any form in which a result is stored. */
function plain(value: unknown): Pick<LedgerLine, 'result'> {
  return Number.isSafeInteger(value) || typeof value === 'boolean' ? { result: value } : {}
}

const SIGNALS = new Set(['Retry', 'Replace', 'Ignore', 'Reject', 'TaskRevoked'])

interface Recorded {
  readonly id: string
  readonly status: string
  readonly reason: string | null
  readonly retries: number
  readonly result: unknown
  readonly times: readonly (number | null)[]
}

/** Whether SQL says of each task what the task itself wrote down; waits for what is still on its way. */
export async function account(
  database: Database,
  lines: () => readonly LedgerLine[],
  { mayRunAgain }: { readonly mayRunAgain: boolean },
): Promise<void> {
  const compare = async (): Promise<readonly string[]> => [
    ...compared(
      await database.query<Recorded>(ROWS, [lines().map(({ id }) => id)]),
      lines(),
      mayRunAgain,
    ),
    ...neverRun(await database.query<Ended>(SUCCESSES), lines()),
  ]
  await waitFor('the record to agree with the ledger', async () => (await compare()).length === 0, {
    deadlineMs: 15_000,
    everyMs: 200,
  }).catch(() => undefined)
  expect(await compare()).toEqual([])
}

function compared(
  rows: readonly Recorded[],
  lines: readonly LedgerLine[],
  mayRunAgain: boolean,
): readonly string[] {
  const known = new Map(rows.map((row) => [row.id, row]))
  return [...byTask(lines)].flatMap(([id, own]) => {
    const row = known.get(id)
    if (row === undefined) return [`${id} ran and is not recorded`]
    return differences(row, own, mayRunAgain).map(
      (difference) => `${own[0]?.name} ${id} is ${row.status} (${row.reason})${difference}`,
    )
  })
}

interface Ended {
  readonly id: string
  readonly name: string
}

function neverRun(ended: readonly Ended[], lines: readonly LedgerLine[]): readonly string[] {
  const ran = new Set(lines.map(({ id }) => id))
  return ended
    .filter(({ id }) => !ran.has(id))
    .map(({ id, name }) => `${name} ${id} is SUCCESS, and no task says that it ran`)
}

function differences(
  row: Recorded,
  own: readonly LedgerLine[],
  mayRunAgain: boolean,
): readonly string[] {
  const runs = own.filter(({ what }) => what === 'begin').length
  const ended = own.filter(({ what }) => what === 'end')
  const { state, result } = (runs === ended.length ? ended.at(-1) : undefined) ?? {}
  const hasOther = result !== undefined && row.result !== null && row.result !== result
  return [
    ...(hasOther ? [` with ${row.result}, and returned ${result}`] : []),
    ...(state === undefined || state === row.status ? [] : [`, and ended as ${state}`]),
    ...(runs > row.retries + 1 && !mayRunAgain ? [`, and ran ${runs} times`] : []),
    ...(isInOrder(row.times) ? [] : [`: its times are ${row.times.join(', ')}`]),
  ]
}

function byTask(lines: readonly LedgerLine[]): ReadonlyMap<string, readonly LedgerLine[]> {
  const found = new Map<string, LedgerLine[]>()
  for (const line of lines) found.set(line.id, [...(found.get(line.id) ?? []), line])
  return found
}

/** Built-in tasks keep no ledger. */
const SUCCESSES = `
  SELECT task_id AS id, name FROM monitor.task_history
  WHERE kind = 'task' AND status = 'SUCCESS' AND name NOT LIKE 'celery.%'`

/** Published is when the monitor saw the message: later than the end of the task, where it starts after that or lags. */
const ROWS = `
  SELECT task_id AS id, status, reason, retries, result,
    ARRAY[extract(epoch FROM received_at)::float8 * 1000, extract(epoch FROM started_at)::float8 * 1000,
      extract(epoch FROM finished_at)::float8 * 1000] AS times
  FROM monitor.task_history WHERE task_id = ANY($1)`
