import type { Logger } from '../logger.ts'
import type { Release, ResultStore, Unlock } from '../results/result-store.ts'
import type { App } from '../tasks/app.ts'
import { asPartOf } from '../tasks/current-request.ts'
import { releaseBody } from './chord-body.ts'
import { unlockOf } from './handed-over.ts'
import { readLeftBody } from './left-body.ts'

const LOOK_MS = 10_000

interface Parts {
  readonly app: App
  readonly results: ResultStore
  readonly logger: Logger
}

/** Starts the bodies of chords whose last worker was lost before it could: at once, and then every ten seconds. */
export class AbandonedChords {
  readonly #parts: Parts
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#parts.results.chords?.releaseAbandoned === undefined) return
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  #look(): void {
    this.#looking ??= this.#release().finally(() => {
      this.#looking = undefined
    })
  }

  async #release(): Promise<void> {
    const { results, logger } = this.#parts
    try {
      const chords = await results.chords?.releaseAbandoned?.(
        (text) => this.#releaseOf(text),
        (groupId, text) => this.#unlockOf(groupId, text),
      )
      if (chords) logger.warn({ chords }, 'started the bodies of chords whose workers were lost')
    } catch (error) {
      logger.warn({ err: error }, 'cannot look for abandoned chords, looking again later')
    }
  }

  #unlockOf(groupId: string, text: string): Unlock | undefined {
    const { app } = this.#parts
    const left = readLeftBody(app, text)
    return left === undefined ? undefined : unlockOf(app, groupId, left)
  }

  #releaseOf(text: string): Release | undefined {
    const { app } = this.#parts
    const left = readLeftBody(app, text)
    if (left === undefined) return undefined
    return async (members) => {
      await asPartOf(left.caller, async () => releaseBody(app, left.body, members))
    }
  }
}
