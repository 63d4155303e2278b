import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { sleep } from '../../../async/sleep.ts'
import type { Logger } from '../../../logger.ts'
import type { TaskmetaRow } from '../../taskmeta-row.ts'
import type { ChordState } from '../tables/chord-table.ts'
import type { TaskmetaTable } from '../tables/taskmeta-table.ts'
import type { PendingSave } from './pending-saves.ts'
import { writeFailureOf } from './write-failure.ts'

export interface RowWriting {
  readonly table: Pick<TaskmetaTable, 'write' | 'lockedAmong' | 'lookAgain'>
  readonly logger: Logger
  /** How long to wait between tries, while the database is away. */
  readonly backoff?: Backoff | undefined
  /** Called with the rows that are safe now. */
  readonly onWritten: (rows: readonly TaskmetaRow[]) => void
}

const AWAY_BACKOFF: Backoff = { initialMs: 50, factor: 2, maxMs: 2000, jitter: 0.5 }

/**
 * Writes the rows, and tries again until their deadlines; a bad row does not keep the others from being written.
 * Never rejects; gives back the saves whose rows another transaction holds locked.
 */
export async function writeRows(
  batch: readonly PendingSave[],
  writing: RowWriting,
): Promise<readonly PendingSave[]> {
  for (let attempt = 1; ; attempt += 1) {
    const open = batch.filter(({ isSettled }) => !isSettled)
    if (open.length === 0) return []
    try {
      const chords = await writing.table.write(open.map(({ row }) => row))
      succeed(open, chords, writing)
      return []
    } catch (error) {
      for (const save of open) save.lastError = error
      const locked = await withoutTheGuilty(error, open, writing)
      if (locked !== undefined) return locked
      await waitForServer(error, attempt, writing)
    }
  }
}

function succeed(
  saves: readonly PendingSave[],
  chords: readonly ChordState[],
  { onWritten }: RowWriting,
): void {
  const byGroup = new Map(chords.map((chord) => [chord.groupId, chord]))
  for (const save of saves) save.succeed(byGroup.get(save.row.member?.groupId ?? ''))
  onWritten(saves.map(({ row }) => row))
}

/** Undefined where no row is to blame, and all are to be tried again as they are. */
async function withoutTheGuilty(
  error: unknown,
  open: readonly PendingSave[],
  writing: RowWriting,
): Promise<readonly PendingSave[] | undefined> {
  const failure = writeFailureOf(error)
  if (failure === 'locked') return await goAroundLocked(open, writing)
  if (failure === 'row' && open.length > 1) return await writeHalves(open, writing)
  if (failure === 'row' || failure === 'lasting') {
    for (const save of open) save.giveUp()
    return []
  }
  if (failure === 'altered') writing.table.lookAgain()
  return undefined
}

/** One row is locked: the others need not wait for it. */
async function goAroundLocked(
  open: readonly PendingSave[],
  writing: RowWriting,
): Promise<readonly PendingSave[]> {
  if (open.length === 1) return open
  const locked = await lockedAmong(open, writing)
  // A row that another transaction inserted and did not commit yet cannot be seen: halving finds it.
  if (locked.size === 0) return await writeHalves(open, writing)
  const free = open.filter((save) => !locked.has(save))
  return [...locked, ...(await writeRows(free, writing))]
}

async function lockedAmong(
  open: readonly PendingSave[],
  { table, logger }: RowWriting,
): Promise<ReadonlySet<PendingSave>> {
  try {
    const ids = await table.lockedAmong(open.map(({ row }) => row.taskId))
    return new Set(open.filter(({ row }) => ids.has(row.taskId)))
  } catch (error) {
    logger.debug({ err: error }, 'cannot tell which results are locked, writing smaller batches')
    return new Set()
  }
}

async function writeHalves(
  open: readonly PendingSave[],
  writing: RowWriting,
): Promise<readonly PendingSave[]> {
  const middle = Math.ceil(open.length / 2)
  const halves = [open.slice(0, middle), open.slice(middle)]
  return (await Promise.all(halves.map((half) => writeRows(half, writing)))).flat()
}

async function waitForServer(
  error: unknown,
  attempt: number,
  { logger, backoff = AWAY_BACKOFF }: RowWriting,
): Promise<void> {
  const delayMs = backoffDelayMs(backoff, attempt)
  logger.warn({ err: error, attempt, delayMs }, 'results not stored, trying again')
  await sleep(delayMs)
}
