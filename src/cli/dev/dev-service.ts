import type { CeleryApp } from '../../create-app.ts'
import type { Database } from '../../database/database.ts'
import { openDatabase } from '../../database/open-database.ts'
import type { Runnable } from '../../lifecycle/run-until-stopped.ts'
import type { Logger } from '../../logger.ts'
import { Monitor } from '../../monitor/monitor.ts'
import { safeUrl } from '../../safe-url.ts'
import type { Worker } from '../../worker/worker.ts'
import { migrateUpWithProgress } from '../migrate.ts'
import { print, printError } from '../output/output.ts'
import { devApp } from './dev-app.ts'
import { devLogger } from './dev-logger.ts'
import type { DevOptions } from './dev-options.ts'
import { startDevSqs } from './dev-sqs.ts'
import { followDemo } from './follow-demo.ts'
import { printHistory } from './history.ts'
import { nextSteps } from './next-steps.ts'

/** A worker and a monitor in one process, on a database of their own: the whole journey at a glance. */
export class DevService implements Runnable {
  readonly #options: DevOptions
  /** What was opened, in that order; closed in the other. */
  readonly #closings: (() => Promise<void>)[] = []
  readonly #interruption = new AbortController()
  #worker: Worker | undefined
  #starting: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined

  constructor(options: DevOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#starting = this.#start()
    await this.#starting
  }

  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#interruption.abort(new Error('dev was stopped'))
    if (options.graceMs === 0) await this.#worker?.stop({ graceMs: 0 })
    this.#stopping ??= this.#stop()
    await this.#stopping
  }

  async #start(): Promise<void> {
    const logger = await devLogger(this.#options)
    const database = await this.#database(logger.monitor)
    await migrateUpWithProgress(database)
    const options = { ...this.#options, ...(await this.#broker()) }
    const { app, demo } = await devApp(options, { database, logger: logger.worker })
    this.#closings.push(async () => app.close())
    await this.#run(app, database, logger.monitor)
    const startedAt = new Date()
    const isFine =
      demo === undefined ||
      (await followDemo(demo, { database, startedAt, signal: this.#interruption.signal }))
    if (!isFine) process.exitCode = 1
    if (demo !== undefined || this.#options.once === true) await printHistory(database, startedAt)
    if (this.#options.once !== true) {
      print(nextSteps({ database, app, isEmbedded: this.#options.database === undefined }))
    }
  }

  /** `--broker sqs` needs no account: a server of its own, in this process. */
  async #broker(): Promise<Pick<DevOptions, 'broker'>> {
    if (this.#options.broker !== 'sqs') return {}
    const server = await startDevSqs()
    this.#closings.push(async () => server.stop())
    printError(`a server that stands for Amazon SQS is ready: ${safeUrl(server.url)}`)
    return { broker: server.url }
  }

  async #database(logger: Logger): Promise<Database> {
    const { database: url, data } = this.#options
    if (url === undefined) printError(`starting PostgreSQL (embedded, ${data ?? 'temporary'})…`)
    const database =
      url === undefined ? await embeddedDatabase(data, logger) : await openDatabase({ url, logger })
    this.#closings.push(async () => database.close())
    printError(`PostgreSQL is ready: ${safeUrl(database.url)}`)
    return database
  }

  async #run(app: CeleryApp, database: Database, logger: Logger): Promise<void> {
    this.#interruption.signal.throwIfAborted()
    const broker = app.broker()
    const monitor = new Monitor({ broker, database, config: app.config, logger })
    await monitor.start()
    this.#closings.push(async () => monitor.stop())
    this.#worker = app.worker({ taskEvents: true })
    await this.#worker.start()
    this.#closings.push(async () => this.#worker?.stop())
    printError(`worker and monitor are running on ${broker.safeUrl}`)
  }

  async #stop(): Promise<void> {
    // What is being opened is waited for, so that it is closed too.
    await this.#starting.catch(() => undefined)
    const failures: unknown[] = []
    for (const close of this.#closings.toReversed()) {
      await close().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }
}

async function embeddedDatabase(folder: string | undefined, logger: Logger): Promise<Database> {
  try {
    return await openDatabase({ embedded: { directory: folder }, logger })
  } catch (error) {
    printError(
      'The embedded PostgreSQL does not run here. Name one that does: --database postgresql://…',
    )
    throw error
  }
}
