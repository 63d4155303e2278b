import { sleep } from '../../async/sleep.ts'
import { withDeadline } from '../../async/with-deadline.ts'
import type { Logger } from '../../logger.ts'

/** Asks whether something is there: it throws, or answers false, while it is not. */
export type Probe = () => unknown

export type Needs = Readonly<Record<string, Probe>>

const ASK_EVERY_MS = 1000
const ANSWER_MS = 5000

/**
 * What a service writes to. While any of it is away no message is begun, and none is given back: messages wait in their
 * queues.
 */
export class NeedsWatch {
  readonly #needs: Needs
  readonly #log: Logger
  readonly #leaving: AbortSignal
  #askedAt = Number.NEGATIVE_INFINITY
  #waiting: Promise<void> | undefined

  constructor(needs: Needs, parts: { readonly log: Logger; readonly leaving: AbortSignal }) {
    this.#needs = needs
    this.#log = parts.log
    this.#leaving = parts.leaving
  }

  /** Resolves once all of it is there. */
  async met(): Promise<void> {
    if (performance.now() - this.#askedAt < ASK_EVERY_MS) return
    await this.restored()
  }

  /** True where something was away, and is there again. */
  async restored(): Promise<boolean> {
    const away = await this.#away()
    if (away === null) return false
    this.#waiting ??= this.#wait(away).finally(() => {
      this.#waiting = undefined
    })
    await this.#waiting
    return true
  }

  async #wait(away: string): Promise<void> {
    this.#log.warn(
      { need: away },
      'a required resource is unavailable, messages wait in their queues',
    )
    for (let next: string | null = away; next !== null; next = await this.#away()) {
      await sleep(ASK_EVERY_MS, this.#leaving)
    }
    this.#log.info({ need: away }, 'a required resource is available again')
  }

  async #away(): Promise<string | null> {
    for (const [name, probe] of Object.entries(this.#needs)) {
      if (!(await isThere(name, probe))) return name
    }
    this.#askedAt = performance.now()
    return null
  }
}

async function isThere(name: string, probe: Probe): Promise<boolean> {
  try {
    const asked = Promise.resolve(probe())
    const late = (): Error => new Error(`the probe of ${name} gave no answer`)
    return (await withDeadline(asked, ANSWER_MS, late)) !== false
  } catch {
    return false // why is for the probe to tell
  }
}
