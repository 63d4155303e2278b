import { randomUUID } from 'node:crypto'
import { Config, type ConfigOptions } from '../config/config.ts'
import { type CeleryApp, createApp } from '../create-app.ts'

/** An app on a broker and results in memory, which no other app shares and no environment changes. */
export function memoryApp(settings: ConfigOptions = {}): CeleryApp {
  const name = randomUUID()
  return createApp(
    new Config({
      environment: {},
      queues: ['celery'],
      TOPOLOGY: 'celery',
      broker_url: `memory://${name}`,
      result_backend: `memory://${name}`,
      ...settings,
    }),
  )
}

/** The same, whose calls run before they return, with all that follows from them, and throw what their tasks throw. */
export function eagerApp(settings: ConfigOptions = {}): CeleryApp {
  return memoryApp({ task_always_eager: true, task_eager_propagates: true, ...settings })
}
