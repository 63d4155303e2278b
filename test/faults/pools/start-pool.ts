import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CeleryApp } from '../../../src/create-app.ts'
import { EventReceiver } from '../../../src/events/event-receiver.ts'
import { silentLogger } from '../../../src/logger.ts'
import { freshServers, liveApp, type Servers } from '../../support/live-app.ts'
import { type Process, startCli } from '../../support/processes.ts'
import { Effects } from '../fault-worker.ts'

export const APP = join(import.meta.dirname, 'app.js')

export interface Started {
  readonly app: CeleryApp
  readonly worker: Process
  readonly effects: Effects
  readonly servers: Servers
  readonly heartbeats: Heartbeats
}

/** A worker of app.js with two slots, its options, and variables of its environment. */
export async function startPool(
  pool: string,
  ...options: readonly (string | Readonly<Record<string, string>>)[]
): Promise<Started> {
  const servers = await freshServers(['fault'])
  const effects = new Effects()
  const app = liveApp(servers)
  const words = options.filter((option) => typeof option === 'string')
  const env = Object.assign({}, ...options.filter((option) => typeof option !== 'string'))
  const heartbeats = new Heartbeats(app)
  if (words.includes('-E')) await heartbeats.listen()
  const args = ['worker', '-A', APP, '-Q', 'fault', '-P', pool, '-c', '2', ...words]
  const worker = startCli(args, { env: { ...servers.env, EFFECTS: effects.file, ...env } })
  await worker.waitForLine(/worker ready/, { deadlineMs: 60_000 })
  return { app, worker, effects, servers, heartbeats }
}

/** What became of a call: its value, or its error's text. */
export async function endOf(
  app: CeleryApp,
  task: string,
  args: readonly unknown[],
): Promise<unknown> {
  const result = await app.sendTask(task, args)
  return await result.get({ timeoutMs: 60_000 }).catch((error: Error) => error.message)
}

/** When a worker said that it is there, by its own clock. */
class Heartbeats {
  readonly #app: CeleryApp
  readonly #times: number[] = []

  constructor(app: CeleryApp) {
    this.#app = app
  }

  async listen(): Promise<void> {
    const receiver = new EventReceiver({
      broker: this.#app.readingBroker(),
      settings: this.#app.config,
      logger: silentLogger,
      routingKey: 'worker.#',
      onEvent: ({ type, timestamp }) => {
        if (type === 'worker-heartbeat') this.#times.push(Number(timestamp) * 1_000)
      },
    })
    await receiver.start()
    onTestFinished(() => receiver.close())
  }

  gapsMs(): readonly number[] {
    return this.#times.slice(1).map((time, at) => time - Number(this.#times[at]))
  }
}
