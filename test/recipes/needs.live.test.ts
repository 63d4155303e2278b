import { Pool } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { CommonService, type TransportHeader } from '../../src/recipes/index.ts'
import { freshDatabase } from '../support/postgres.ts'
import { zocaloSite } from '../support/recipes.ts'
import { silenceable } from '../support/silenceable.ts'
import { waitFor } from '../support/wait-for.ts'

/** A minute in `npm run test:zocalo`. */
const AWAY_MS = process.env.ZOCALO_WHOLE === '1' ? 60_000 : 1_500

test('while the database is away nothing is given back to RabbitMQ, and nothing is lost', async () => {
  const site = await zocaloSite()
  const queue = await site.queue()
  const way = await silenceable(await freshDatabase(), 5432)
  const database = new Pool({ connectionString: way.url, connectionTimeoutMillis: 2_000 })
  database.on('error', () => undefined)
  onTestFinished(() => database.end())
  await database.query('create table taken (at bigserial, n int)')
  let attempts = 0
  const headers: { again: unknown; count: unknown }[] = []
  class Storing extends CommonService {
    override needs = { database: () => database.query('select 1') }
    override async initializing(): Promise<void> {
      const take = async (header: TransportHeader, n: unknown): Promise<void> => {
        attempts += 1
        await database.query('insert into taken (n) values ($1)', [n])
        headers.push({ again: header.redelivered, count: header['x-delivery-count'] })
        await this.transport.ack(header)
      }
      await this.transport.subscribe(queue, take, { acknowledgement: true })
    }
  }
  const service = new Storing({ transport: site.open() })
  await service.start()
  onTestFinished(() => service.stop())
  const transport = site.open()
  await transport.send(queue, 0)
  await waitFor('the first', () => headers.length === 1)
  way.cut()
  for (let n = 1; n <= 20; n += 1) await transport.send(queue, n)
  await new Promise((resolve) => setTimeout(resolve, AWAY_MS))
  expect(attempts).toBeLessThanOrEqual(2)
  await way.restore()
  await waitFor('the rest', () => headers.length === 21)
  const { rows } = await database.query('select n from taken order by at')
  expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 21 }, (_, n) => n))
  expect(headers.every(({ again, count }) => again === false && Number(count ?? 0) === 0)).toBe(
    true,
  )
  expect(await transport.depth(`dlq.${queue}`)).toBe(0)
}, 120_000)
