import { asBehind } from '../database/behind.ts'
import type { Database } from '../database/database.ts'
import { exactText, readExactText } from '../database/stored-headers.ts'
import type { Logger } from '../logger.ts'
import { amqpProperties, propertiesOf } from '../protocol/amqp-properties.ts'
import type { Message, Route } from '../protocol/message.ts'
import type { Binding, Topology } from '../protocol/routing/topology.ts'
import type {
  ControlCarrier,
  ControlDelivery,
  ControlSubscription,
  KeptMessage,
} from './control-carrier.ts'
import { TableConsumer, type TableRow } from './table-consumer.ts'

interface ControlTableParts {
  readonly database: Database
  /** Workers of other queues hear nothing of this: their prefix. */
  readonly space: string
  readonly logger: Logger
  /** How long a command, or an answer, waits for a worker that cannot reach the database. */
  readonly expiresMs?: number | undefined
}

const EXPIRES_MS = 300_000
/** As long as SQS keeps a message at most. */
const KEPT_MS = 1_209_600_000
/** As many as a worker remembers. */
const MOST_KEPT = 50_000
const CHANNEL = 'celery_toolbox_control'
/** NOTIFY takes less than 8000 bytes. */
const LONGEST_BYTES = 7_900

/** Remote control as rows of monitor.control: workers hear of them by LISTEN, and look by themselves besides. */
export class ControlTable implements ControlCarrier {
  readonly #parts: ControlTableParts
  readonly #bindings: Binding[] = []
  readonly #consumers = new Set<TableConsumer>()
  #listening: Promise<(() => Promise<void>) | undefined> | undefined

  constructor(parts: ControlTableParts) {
    this.#parts = parts
  }

  async declare({ bindings }: Topology): Promise<void> {
    this.#bindings.push(...bindings)
  }

  async publish(message: Message, route: Route): Promise<void> {
    await this.#write(message, route, this.#parts.expiresMs ?? EXPIRES_MS)
  }

  async publishKept(message: Message, route: Route): Promise<void> {
    await this.#write(message, route, KEPT_MS)
  }

  async kept(exchange: string): Promise<readonly KeptMessage[]> {
    const rows = await this.#query<TableRow>(KEPT, [this.#parts.space, exchange, MOST_KEPT])
    return rows.map((row) => ({ message: messageOf(row), sentAt: row.sent_at })).reverse()
  }

  /** Hears what is sent from now on. */
  async consume(
    queue: string,
    _options: { readonly prefetch: number },
    onDelivery: (delivery: ControlDelivery) => void,
  ): Promise<ControlSubscription> {
    const bindings = this.#bindings.filter((binding) => binding.queue === queue)
    const routes = bindings.map(({ exchange, routingKey }) => [exchange, routingKey].join('\n'))
    const [last] = await this.#query<{ id: string }>(LAST, [])
    const { logger, space } = this.#parts
    const consumer = new TableConsumer({
      routes: new Set(routes),
      last: last?.id ?? '0',
      look: async (id) => await this.#query<TableRow>(NEXT, [id, space, routes]),
      onRow: (row) => onDelivery({ message: messageOf(row), route: routeOf(row), ack: isTaken }),
      logger,
    })
    this.#consumers.add(consumer)
    await consumer.start()
    await this.#listen()
    return {
      close: async () => {
        this.#consumers.delete(consumer)
        await consumer.stop()
        if (this.#consumers.size === 0) await this.#stopListening()
      },
    }
  }

  async #write(message: Message, { exchange, routingKey }: Route, forMs: number): Promise<void> {
    const { space } = this.#parts
    const notice = [space, exchange, routingKey].join('\n')
    await this.#query(WRITE, [
      space,
      exchange,
      routingKey,
      exactText(amqpProperties(message.properties)),
      exactText(message.headers),
      message.body,
      forMs === KEPT_MS,
      forMs,
      Buffer.byteLength(notice) > LONGEST_BYTES ? '' : notice,
    ])
  }

  /** Where there is no listening they look by themselves. */
  async #listen(): Promise<void> {
    const { database, logger } = this.#parts
    this.#listening ??= database
      .listen(CHANNEL, (notice) => this.#hear(notice))
      .catch((error: unknown) => {
        logger.debug({ err: error }, 'LISTEN unavailable for remote control, polling each second')
        return undefined
      })
    await this.#listening
  }

  async #stopListening(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    await (await listening)?.()
  }

  #hear(notice: string): void {
    const [space, ...route] = notice.split('\n')
    if (notice !== '' && space !== this.#parts.space) return
    for (const consumer of this.#consumers) consumer.hear(route.join('\n'))
  }

  async #query<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    const { database } = this.#parts
    try {
      return await database.query<Row>(sql, parameters)
    } catch (cause) {
      throw asBehind(cause, { table: 'monitor.control', safeUrl: database.safeUrl })
    }
  }
}

async function isTaken(): Promise<void> {
  // A row is there for all, and goes once it has expired.
}

function messageOf({ headers, properties, body }: TableRow): Message {
  return {
    headers: readExactText(headers),
    properties: propertiesOf(readExactText(properties)),
    body,
  }
}

function routeOf({ exchange, routing_key: routingKey }: TableRow): Route {
  return { exchange, routingKey }
}

const COLUMNS = `id, exchange, routing_key, properties::text, headers::text, body, sent_at`

const LAST = 'SELECT coalesce(max(id), 0)::text AS id FROM monitor.control'

// One row at least, so that what is for others is not looked at again.
const NEXT = `
  WITH top AS (SELECT greatest($1::bigint, max(id)) AS id FROM monitor.control),
    mine AS (
      SELECT ${COLUMNS} FROM monitor.control
      WHERE id > $1::bigint AND space = $2 AND exchange || E'\\n' || routing_key = ANY ($3)
        AND expires_at > clock_timestamp()
    )
  SELECT top.id::text AS top, mine.* FROM top LEFT JOIN mine ON mine.id <= top.id ORDER BY mine.id`

const KEPT = `
  SELECT ${COLUMNS} FROM monitor.control
  WHERE is_kept AND space = $1 AND exchange = $2 AND expires_at > clock_timestamp()
  ORDER BY monitor.control.id DESC LIMIT $3`

// Ids are given out under the lock, which is held until they are committed: no reader sees one before a lower one. It is
// one statement, so the server itself ends it, and every writer waits for its turn: no lease does that.
const WRITE = `
  WITH gone AS (DELETE FROM monitor.control WHERE expires_at < clock_timestamp()),
    turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('celery-toolbox control')) AS taken),
    written AS (
      INSERT INTO monitor.control
        (space, exchange, routing_key, properties, headers, body, is_kept, expires_at)
      SELECT $1, $2, $3, $4::jsonb, $5::jsonb, $6, $7, clock_timestamp() + $8 * interval '1 millisecond' FROM turn
      RETURNING id
    )
  SELECT pg_notify('${CHANNEL}', $9) FROM written`
