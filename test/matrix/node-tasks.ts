import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type AsyncResult,
  type CeleryApp,
  chain,
  DateTime,
  Decimal,
  Ignore,
  LocalDate,
  LocalTime,
  Reject,
  type TaskRequest,
  Uuid,
} from '../../src/index.ts'

/** What kombu's JSON knows beyond plain JSON, one of each; `python.typed` gives the same. */
export const TYPED = {
  big: 2n ** 70n,
  bytes: Buffer.from([0, 255]),
  date: new LocalDate('2024-02-29'),
  datetime: new DateTime('2024-02-29T12:30:15.123456+00:00'),
  decimal: new Decimal('1.10'),
  time: new LocalTime('12:30:15'),
  uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
}

/** An error that no other process can import. */
class PlotError extends Error {
  override readonly name = 'PlotError'
}

/** The Node tasks of the interop matrix; test/matrix/python/matrix_app.py has the same under python.*. */
export function addTasks(app: CeleryApp): void {
  addPlainTasks(app)
  addFailingTasks(app)
  addTimedTasks(app)
  addCanvasTasks(app)
}

function addPlainTasks(app: CeleryApp): void {
  app.task('export.add', (x: number, y: number) => x + y)
  app.task('export.total', (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0))
  app.task('export.echo', { bind: true }, ({ request }, ...args: unknown[]) => ({
    args,
    kwargs: request.kwargs,
  }))
  app.task('export.typed', () => TYPED)
  app.task('export.mark', (...args: unknown[]) => tell(String(args.at(-1)), args.slice(0, -1)))
  app.task('export.silent', { ignoreResult: true }, (path: string) => {
    tell(path, 'ran')
    return 'nobody sees this'
  })
  app.task('export.header', { bind: true }, ({ request }, name: string) => request.headers[name])
  app.task('export.priority', { bind: true }, ({ request }, before: number[] = []) => [
    ...before,
    request.priority,
  ])
  app.task('export.marks', { bind: true }, ({ request }, before: unknown[] = []) => [
    ...before,
    request.stamps.mark ?? null,
  ])
}

function addFailingTasks(app: CeleryApp): void {
  app.task('export.fail', (reason: string) => {
    throw new RangeError(reason)
  })
  app.task('export.fail_custom', (reason: string) => {
    throw new PlotError(reason)
  })
  app.task('export.fail_because', () => {
    throw new RangeError('the effect', { cause: new TypeError('the cause') })
  })
  app.task('export.fail_oddly', () => {
    throw Object.assign(new Error('odd'), { self: () => undefined, cause: Symbol('no error') })
  })
  app.task(
    'export.errback',
    (request: TaskRequest, error: Error, _traceback: string, path: string) => {
      tell(path, [request.id, error.name, [error.message]])
    },
  )
  app.task('export.flaky', { bind: true, maxRetries: 3 }, (self, failures: number) => {
    const { retries } = self.request
    if (retries >= failures) return retries
    const cause = Object.assign(new Error(`attempt ${retries}`), { name: 'ConnectionError' })
    throw self.retry({ countdown: 0, cause })
  })
  const auto = { bind: true, autoretryFor: [RangeError], defaultRetryDelay: 0, maxRetries: 3 }
  app.task('export.auto', auto as typeof auto & { bind: true }, (self, failures: number) => {
    if (self.request.retries >= failures) return self.request.retries
    throw new RangeError(`attempt ${self.request.retries}`)
  })
  app.task('export.ignored', (path: string) => {
    tell(path, 'ran')
    throw new Ignore()
  })
  app.task('export.rejected', { acksLate: true }, (path?: string) => {
    if (path === undefined) throw new Reject('no thanks')
    if (existsSync(path)) return 'second time'
    tell(path, 'ran')
    throw new Reject('again', { requeue: true })
  })
}

function addTimedTasks(app: CeleryApp): void {
  app.task('export.progress', { bind: true }, async (self, gate: string) => {
    await self.updateState('PROGRESS', { done: 3 })
    await opened(gate)
    return 'done'
  })
  app.task('export.held', async (gate: string) => {
    await opened(gate)
    return 'done'
  })
  app.task('export.now', () => Date.now() / 1_000)
  app.task('export.limited', { rateLimit: '2/s' }, () => Date.now() / 1_000)
  app.task('export.sleep', async (seconds: number) => wait(seconds * 1_000, seconds))
  app.task('export.linger', { bind: true }, async ({ signal }, path: string) => {
    tell(path, 'began')
    await wait(30_000, undefined, { signal })
  })
  app.task('export.soft', { bind: true }, async ({ signal }) => {
    await wait(30_000, undefined, { signal }).catch(() => undefined)
    return 'stopped softly'
  })
}

function addCanvasTasks(app: CeleryApp): void {
  app.task('export.family', async () => {
    const calls = ['python.add', 'export.add'].map(async (name) => app.sendTask(name, [1, 1]))
    return (await Promise.all(calls)).map(({ id }) => id)
  })
  app.task('export.restored', async (groupId: string) =>
    (await app.restoreGroup(groupId))?.results.map(({ id }) => id),
  )
  /** The value of a result, and of those before it. */
  app.task('export.tree', async (told: unknown) => {
    const values: unknown[] = []
    let result: AsyncResult | null = app.resultFromTuple(told)
    for (; result !== null; result = result.parent) {
      // The next step may end before the result of this one is stored.
      values.push(await result.get({ timeoutMs: 50_000 }))
    }
    return values
  })
  app.task('export.replaced', { bind: true }, (self, x: number) => {
    throw self.replace(chain(app.signature('python.add', [x, 1]), app.signature('export.add', [1])))
  })
}

/** For those who wait for the file: whole, or not there. */
export function tell(path: string, value: unknown): void {
  writeFileSync(`${path}.part`, JSON.stringify(value))
  renameSync(`${path}.part`, path)
}

async function opened(gate: string): Promise<void> {
  while (!existsSync(gate)) await wait(20)
}
