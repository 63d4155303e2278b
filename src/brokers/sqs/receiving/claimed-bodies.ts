import { withDeadline } from '../../../async/with-deadline.ts'
import type { Claims } from '../../claims.ts'

/** Its messages are hidden from others meanwhile, and not yet extended. */
const CLAIM_PATIENCE_MS = 5_000

/**
 * The bodies that tickets name. A ticket is a few bytes, and anyone can write it a thousand times: all that name one claim share
 * its bytes, for as long as one of their messages is held.
 */
export class ClaimedBodies {
  readonly #claims: Claims
  readonly #reading = new Map<string, Promise<Buffer | undefined>>()
  readonly #held = new Map<string, WeakRef<Buffer>>()
  readonly #freed = new FinalizationRegistry<string>((claim) => this.#forget(claim))

  constructor(claims: Claims) {
    this.#claims = claims
  }

  /** Undefined where there is nothing of that name. Rejects where the database does not answer in time. */
  async get(claim: string): Promise<Buffer | undefined> {
    const held = this.#held.get(claim)?.deref()
    if (held !== undefined) return held
    let reading = this.#reading.get(claim)
    if (reading === undefined) {
      reading = this.#read(claim).finally(() => this.#reading.delete(claim))
      this.#reading.set(claim, reading)
    }
    return await reading
  }

  async #read(claim: string): Promise<Buffer | undefined> {
    const late = (): Error => new Error(`no answer within ${CLAIM_PATIENCE_MS} ms`)
    const body = await withDeadline(this.#claims.get(claim), CLAIM_PATIENCE_MS, late)
    if (body === undefined) return undefined
    this.#held.set(claim, new WeakRef(body))
    this.#freed.register(body, claim)
    return body
  }

  /** Unless it was fetched again. */
  #forget(claim: string): void {
    if (this.#held.get(claim)?.deref() === undefined) this.#held.delete(claim)
  }
}
