import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startProcess } from '../support/processes.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import type { End } from './hostile/bombs.ts'
import { endOf, isRecorded, kept, LONG, MINUTES, openPlace, type Place } from './hostile/place.ts'
import { MOST_PAUSE_MS } from './hostile/watched.ts'

/** AMQP sends all headers in one frame; RabbitMQ takes 128 KiB. */
const SIZES = [60_000, 130_000]
const SHAPES = ['text', 'keys', 'long keys', 'tables', 'lists', 'rows']
const ENDS: readonly End[] = ['runs', 'kept']

interface Order {
  readonly shape: string
  readonly size: number
  readonly end: End
}

describe('a worker and a monitor', { timeout: 5 * MINUTES }, () => {
  test('take headers of any shape, up to a whole frame, and keep each letter once', async () => {
    const place = await openPlace()
    const orders = SIZES.flatMap((size) =>
      SHAPES.flatMap((shape) => ENDS.map((end) => ({ shape, size, end }))),
    )
    const ends: Order[] = []
    for (const order of orders) ends.push({ ...order, end: await taken(order, place) })
    expect(ends).toEqual(orders)
    expect(await kept(place)).toBe(orders.filter(({ end }) => end === 'kept').length)
    for (const { process, longestPauseMs } of [place.worker, place.monitor]) {
      expect(process.output).not.toMatch(/connection lost|unreachable/)
      expect(longestPauseMs).toBeLessThanOrEqual(MOST_PAUSE_MS)
    }
  })
})

/** Where it ended; it is recorded then. */
async function taken(order: Order, place: Place): Promise<End> {
  const id = `headers-${order.size}-${order.shape}-${order.end}`
  const keptBefore = await kept(place)
  await send({ ...order, id, url: place.url })
  const end = await waitFor(`the end of ${id}`, () => endOf(id, place, keptBefore), LONG)
  await waitFor(`the record of ${id}`, () => isRecorded(id, place.database), LONG)
  return end
}

/** By Python: our own publisher would refuse many of them. */
async function send(order: Order & { readonly id: string; readonly url: string }): Promise<void> {
  const program = join(import.meta.dirname, 'hostile/send_headers.py')
  const sender = startProcess(service('PYTHON_CELERY'), [program], { input: JSON.stringify(order) })
  expect((await sender.exited).code, sender.output).toBe(0)
}
