import { randomUUID } from 'node:crypto'
import type { Claims } from '../../brokers/claims.ts'
import type { Config } from '../../config/config.ts'
import { isPostgresUrl } from '../../config/result-backend.ts'
import type { Database } from '../../database/database.ts'
import { openDatabase } from '../../database/open-database.ts'
import { ConfigError, DatabaseError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { safeUrl } from '../../safe-url.ts'

type ClaimSettings = Pick<Config, 'CLAIM_CHECK' | 'result_backend'>

/** Bodies in monitor.claim; the database is opened when the first one is put there or fetched. */
class PostgresClaims implements Claims {
  readonly #url: string
  readonly #logger: Logger
  #opened: Promise<Database> | undefined

  constructor(url: string, logger: Logger) {
    this.#url = url
    this.#logger = logger
  }

  async put(body: Buffer, until: Date): Promise<string> {
    const claim = randomUUID()
    await this.#query(PUT, [claim, body, until])
    return claim
  }

  async get(claim: string): Promise<Buffer | undefined> {
    const rows = await this.#query<{ body: Buffer }>(GET, [claim])
    return rows[0]?.body
  }

  async close(): Promise<void> {
    await (await this.#opened?.catch(() => undefined))?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #query<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    const database = await this.#database()
    try {
      return await database.query<Row>(sql, parameters)
    } catch (cause) {
      throw isUndefinedTable(cause) ? behind(database, cause) : cause
    }
  }

  async #database(): Promise<Database> {
    this.#opened ??= openDatabase({ url: this.#url, poolSize: 4, logger: this.#logger })
    try {
      return await this.#opened
    } catch (error) {
      this.#opened = undefined
      throw error
    }
  }
}

/** Undefined where none is asked for. */
export function claimsOf(settings: ClaimSettings, logger: Logger): PostgresClaims | undefined {
  const { CLAIM_CHECK: wanted, result_backend: backend } = settings
  if (wanted === false) return undefined
  const url = wanted === true ? (backend ?? '') : wanted
  if (isPostgresUrl(url)) return new PostgresClaims(url, logger)
  throw new ConfigError([
    wanted === true
      ? `CLAIM_CHECK is True and result_backend is "${safeUrl(url)}", expected db+postgresql://…; or give CLAIM_CHECK a url`
      : `CLAIM_CHECK is "${safeUrl(url)}", expected True, False or a url such as postgresql://…`,
  ])
}

/** What has expired goes on the way, a little at a time. */
const PUT = `
  WITH gone AS (
    DELETE FROM monitor.claim WHERE id IN (
      SELECT id FROM monitor.claim WHERE expires_at < clock_timestamp() LIMIT 100 FOR UPDATE SKIP LOCKED
    )
  )
  INSERT INTO monitor.claim (id, body, expires_at) VALUES ($1, $2, $3)`

const GET = 'SELECT body FROM monitor.claim WHERE id = $1'

function isUndefinedTable(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === '42P01' || error.code === '3F000')
  )
}

function behind({ safeUrl }: Database, cause: unknown): DatabaseError {
  return new DatabaseError(
    'DATABASE_BEHIND',
    `${safeUrl} has no table monitor.claim; run "celery-toolbox migrate up"`,
    { cause },
  )
}
