import { randomUUID } from 'node:crypto'
import type { Claims } from '../../brokers/claims.ts'
import type { Config } from '../../config/config.ts'
import { namedDatabase } from '../../config/result-backend.ts'
import { asBehind } from '../../database/behind.ts'
import type { Database } from '../../database/database.ts'
import { BODY_COLUMNS, type BodyColumns, wholeBody } from '../../database/long-bodies.ts'
import { openDatabase } from '../../database/open-database.ts'
import { ConfigError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { safeUrl } from '../../safe-url.ts'

type ClaimSettings = Pick<Config, 'CLAIM_CHECK' | 'REDACT' | 'result_backend'>

interface PostgresClaimsParts {
  readonly url: string
  readonly isSealed: boolean
  readonly logger: Logger
}

/** Bodies in monitor.claim; the database is opened when the first one is put there or fetched. */
class PostgresClaims implements Claims {
  readonly isSealed: boolean
  readonly #url: string
  readonly #logger: Logger
  #opened: Promise<Database> | undefined

  constructor({ url, isSealed, logger }: PostgresClaimsParts) {
    this.isSealed = isSealed
    this.#url = url
    this.#logger = logger
  }

  async put(body: Buffer, until: Date): Promise<string> {
    const claim = randomUUID()
    await this.#query(PUT, [claim, body, until])
    return claim
  }

  async get(claim: string): Promise<Buffer | undefined> {
    const [row] = await this.#query<BodyColumns>(GET, [claim])
    if (row === undefined) return undefined
    const place = { table: 'monitor.claim', column: 'id', value: claim }
    return await wholeBody(await this.#database(), row, place)
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
      throw asBehind(cause, { table: 'monitor.claim', safeUrl: database.safeUrl })
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

/** Undefined where none is asked for. With REDACT, no body can be read in the database. */
export function claimsOf(settings: ClaimSettings, logger: Logger): PostgresClaims | undefined {
  const { CLAIM_CHECK: wanted, REDACT: redacted, result_backend: backend } = settings
  if (wanted === false) return undefined
  const url = namedDatabase('CLAIM_CHECK', wanted, backend)
  if (url !== undefined) return new PostgresClaims({ url, isSealed: redacted.length > 0, logger })
  throw new ConfigError([
    `CLAIM_CHECK is True and result_backend is "${safeUrl(backend ?? '')}", expected db+postgresql://…; or give CLAIM_CHECK a url`,
  ])
}

/** Each claim also deletes a few that have expired: by its index, which a search by clock_timestamp() does not use. */
const PUT = `
  WITH gone AS (
    DELETE FROM monitor.claim WHERE id IN (
      SELECT id FROM monitor.claim WHERE expires_at < now() LIMIT 100 FOR UPDATE SKIP LOCKED
    )
  )
  INSERT INTO monitor.claim (id, body, expires_at) VALUES ($1, $2, $3)`

const GET = `SELECT ${BODY_COLUMNS} FROM monitor.claim WHERE id = $1`
