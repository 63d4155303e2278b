import { Config, createApp } from '../../src/index.ts'
import type { RunningSqs } from '../support/sqs-servers.ts'
import type { Direction, FeatureName, Site } from './features.ts'
import { openMatrixServers, type PythonProcess, saidBy } from './matrix-servers.ts'
import { NODE_CASES } from './node-cases.ts'
import { nodePlace } from './node-place.ts'
import { addTasks } from './node-tasks.ts'

/** A worker of each language, and a producer of each. */
export async function startMatrix(site: Site, startSqs?: () => Promise<RunningSqs>) {
  const servers = await openMatrixServers(site, startSqs)
  const { queues, settings, hasControl } = servers.carrier
  const [ours, theirs] = queues
  const app = createApp(
    new Config({
      queues,
      ...settings,
      result_backend: servers.resultBackend,
      result_expires: 600,
      result_extended: true,
      dotenv: false,
      environment: {},
    }),
  )
  addTasks(app)
  const worker = app.worker({ queues: [ours] })
  await worker.start()
  const startWorker = (consumed: string) =>
    servers.startPython(
      `-m celery -A matrix_app worker -l INFO -P prefork -c 3 -Q ${consumed} --without-mingle --without-gossip`.split(
        ' ',
      ),
    )
  const workerPython = startWorker(hasControl ? `${theirs},celery` : theirs)
  // Where no worker can be told to leave a queue, one that has nothing else is stopped.
  const unlockingPython = hasControl ? undefined : startWorker('celery')
  await (unlockingPython && saidBy(unlockingPython, / ready\./))
  const driver = servers.startPython(['-m', 'matrix_driver'])
  await Promise.all([saidBy(workerPython, / ready\./), saidBy(driver, /driver ready/)])
  const unlocking = app.worker({ queues: ['celery'], name: 'unlocking' })

  const begin = async (direction: Direction, rows: readonly FeatureName[]) => {
    if (direction === 'Python→Node') {
      await (unlockingPython?.stop() ?? driven(driver, 'leave_celery_to_node'))
      await unlocking.start()
    }
    const place = nodePlace(app, servers, { ...site, direction })
    const ends = rows.map((name): [FeatureName, Promise<void>] => [
      name,
      direction === 'Python→Node' ? driven(driver, name) : NODE_CASES[name](place),
    ])
    for (const [, end] of ends) end.catch(() => undefined) // its own test tells
    return new Map(ends)
  }
  const close = async (): Promise<void> => {
    await Promise.all([
      driver.stop(),
      workerPython.stop(),
      unlockingPython?.stop(),
      worker.stop({ graceMs: 0 }),
    ])
    await unlocking.stop({ graceMs: 0 })
    await app.close()
    await servers.close()
  }
  return { begin, close, output: () => workerPython.output() }
}

/** Resolves when the driver has done the case, rejects with its traceback. */
async function driven(driver: PythonProcess, name: string): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    driver.onLine((line) => {
      if (!line.startsWith('{"case"')) return
      const answer = JSON.parse(line) as { case: string; error: string | null }
      if (answer.case !== name) return
      if (answer.error === null) resolve()
      else reject(new Error(answer.error))
    })
  })
  driver.stdin.write(`${JSON.stringify({ case: name })}\n`)
  await done
}
