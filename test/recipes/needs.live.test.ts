import { expect, onTestFinished, test } from 'vitest'
import { CommonService, type TransportHeader } from '../../src/recipes/index.ts'
import { zocaloSite } from '../support/recipes.ts'
import { waitFor } from '../support/wait-for.ts'

/** A minute in `npm run test:zocalo`. */
const AWAY_MS = process.env.ZOCALO_WHOLE === '1' ? 60_000 : 1_500

test('while the database is away nothing is given back to RabbitMQ, and nothing is lost', async () => {
  const site = await zocaloSite()
  const queue = await site.queue()
  let isThere = true
  let attempts = 0
  const taken: { n: unknown; again: unknown; count: unknown }[] = []
  class Storing extends CommonService {
    override needs = { database: () => isThere }
    override async initializing(): Promise<void> {
      const take = async (header: TransportHeader, n: unknown): Promise<void> => {
        attempts += 1
        if (!isThere) throw new Error('the database is away')
        taken.push({ n, again: header.redelivered, count: header['x-delivery-count'] })
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
  await waitFor('the first', () => taken.length === 1)
  isThere = false
  for (let n = 1; n <= 20; n += 1) await transport.send(queue, n)
  await new Promise((resolve) => setTimeout(resolve, AWAY_MS))
  expect(attempts).toBeLessThanOrEqual(2)
  isThere = true
  await waitFor('the rest', () => taken.length === 21)
  expect(taken.map(({ n }) => n)).toEqual(Array.from({ length: 21 }, (_, n) => n))
  expect(taken.every(({ again, count }) => again === false && Number(count ?? 0) === 0)).toBe(true)
  expect(await transport.depth(`dlq.${queue}`)).toBe(0)
}, 120_000)
