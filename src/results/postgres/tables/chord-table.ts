import { type Backoff, retry } from '../../../async/backoff.ts'
import type { Database } from '../../../database/database.ts'
import type { Logger } from '../../../logger.ts'
import type { ChordMember } from '../../result-store.ts'
import { writeFailureOf } from '../saving/write-failure.ts'
import {
  BEGIN_ONCE_SQL,
  BEGIN_SQL,
  COUNT_SQL,
  CREATE_CHORDS_SQL,
  countParameters,
  HAND_OVER_SQL,
  RELEASED_SQL,
  UNRELEASED_CHORDS_SQL,
  UNRELEASED_MEMBERS_SQL,
  WAITED_FOR_SQL,
} from './chord-sql.ts'

/** What is known of a chord once some of its members were counted. */
export interface ChordState {
  readonly groupId: string
  readonly isComplete: boolean
  readonly isReleased: boolean
}

interface UnreleasedChord {
  readonly groupId: string
  readonly body: string
  /** JSON, of one that is handed over; null where it is to be released. */
  readonly memberIds: string | null
}

export interface ChordTableOptions {
  readonly database: Database
  readonly logger: Logger
  /** How long a statement is tried, while the database is away. */
  readonly deadlineMs: number
}

const AWAY_BACKOFF: Backoff = { initialMs: 50, factor: 2, maxMs: 2000, jitter: 0.5 }

/** The rows of chords and their members; the tables are made where they are missing. */
export class ChordTable {
  readonly #options: ChordTableOptions

  constructor(options: ChordTableOptions) {
    this.#options = options
  }

  async begin(groupId: string, size: number, memberIds?: readonly string[]): Promise<void> {
    const ids = memberIds === undefined ? null : JSON.stringify(memberIds)
    await this.#query(BEGIN_SQL, [groupId, size, ids])
  }

  async beginOnce(groupId: string, size: number): Promise<void> {
    await this.#query(BEGIN_ONCE_SQL, [groupId, size])
  }

  /** One statement for any number of members; chords whose count was never begun are left out. */
  async count(members: readonly ChordMember[]): Promise<readonly ChordState[]> {
    return await this.#query<ChordState>(COUNT_SQL, countParameters(members))
  }

  /** Those that wait for nothing but their release, with their bodies; none where there is no table. */
  async unreleased(): Promise<readonly UnreleasedChord[]> {
    const { database } = this.#options
    try {
      return await database.query<UnreleasedChord>(UNRELEASED_CHORDS_SQL)
    } catch (error) {
      if (writeFailureOf(error) === 'altered') return []
      throw error
    }
  }

  /** The ids of the members in order; none where the chord is not complete, or is released already. */
  async unreleasedMembers(groupId: string): Promise<readonly string[]> {
    const rows = await this.#query<{ taskId: string }>(UNRELEASED_MEMBERS_SQL, [groupId])
    return rows.map(({ taskId }) => taskId)
  }

  /** The members' ids, for the task that will poll them; undefined where this chord is not counted (any longer). */
  async handOver(groupId: string, body: string | null): Promise<readonly string[] | undefined> {
    const [row] = await this.#query<{ memberIds: string }>(HAND_OVER_SQL, [groupId, body])
    return row === undefined ? undefined : idsIn(row.memberIds)
  }

  async waitedFor(groupId: string): Promise<void> {
    await this.#query(WAITED_FOR_SQL, [groupId])
  }

  async released(groupId: string): Promise<void> {
    await this.#query(RELEASED_SQL, [groupId])
  }

  #query<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    const { database, logger, deadlineMs } = this.#options
    return retry(() => this.#queryOrCreate<Row>(sql, parameters), {
      backoff: AWAY_BACKOFF,
      withinMs: deadlineMs,
      onFailure: ({ cause, attempt, delayMs }) => {
        if (writeFailureOf(cause) !== 'passing') throw cause
        const about = { database: database.safeUrl, err: cause, attempt, delayMs }
        logger.warn(about, 'chords cannot be counted, trying again')
      },
    })
  }

  async #queryOrCreate<Row extends object>(
    sql: string,
    parameters: readonly unknown[],
  ): Promise<Row[]> {
    const { database } = this.#options
    try {
      return await database.query<Row>(sql, parameters)
    } catch (error) {
      if (writeFailureOf(error) !== 'altered') throw error
      await database.query(CREATE_CHORDS_SQL)
      return await database.query<Row>(sql, parameters)
    }
  }
}

/** As this class has written them. */
export function idsIn(memberIds: string): readonly string[] {
  return JSON.parse(memberIds) as readonly string[]
}
