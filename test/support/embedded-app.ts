import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type { Broker } from '../../src/brokers/broker.ts'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Logger } from '../../src/logger.ts'
import type { Worker } from '../../src/worker/worker.ts'
import type { WorkerOptions } from '../../src/worker/worker-options.ts'

/** An app on a memory broker and memory results of its own; closed when the test ends. */
export function embeddedApp(
  settings: Partial<ConfigOptions> = {},
  options: { readonly logger?: Logger; readonly broker?: Broker } = {},
): CeleryApp {
  const name = randomUUID()
  const config = new Config({
    queues: ['export'],
    broker_url: `memory://${name}`,
    result_backend: `memory://${name}`,
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config, options)
  onTestFinished(async () => {
    await app.close()
  })
  return app
}

/** A running worker; stopped when the test ends, without waiting for tasks that never do. */
export async function startWorker(app: CeleryApp, options: WorkerOptions = {}): Promise<Worker> {
  const worker = app.worker(options)
  await worker.start()
  onTestFinished(async () => {
    await worker.stop({ graceMs: 0 })
  })
  return worker
}

/** A logger that remembers what it was told. */
export function recordingLogger(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const at =
    (level: string) =>
    (first: Readonly<Record<string, unknown>> | string, second?: string): void => {
      lines.push(
        typeof first === 'string'
          ? { level, sentence: first, fields: {} }
          : { level, sentence: second ?? '', fields: first },
      )
    }
  const logger = {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  }
  return logger
}

export interface LogLine {
  readonly level: string
  readonly sentence: string
  readonly fields: Readonly<Record<string, unknown>>
}
