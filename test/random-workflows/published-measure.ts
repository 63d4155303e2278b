import { verdictOf } from './compare.ts'
import type { Backend } from './fleet.ts'
import { LISTED } from './listed.ts'
import { draw, Measure } from './measure.ts'
import type { Measured } from './outcome.ts'
import { type FieldDifference, publishedDifferences, Tap } from './published.ts'

/** Runs workflows by Python alone and by our side alone, and compares what both publish. */
export class PublishedMeasure {
  readonly #backend: Backend
  readonly #measure: Measure
  readonly #taps: { readonly python: Tap; readonly mixed: Tap }

  private constructor(backend: Backend, measure: Measure, taps: PublishedMeasure['taps']) {
    this.#backend = backend
    this.#measure = measure
    this.#taps = taps
  }

  get taps(): { readonly python: Tap; readonly mixed: Tap } {
    return this.#taps
  }

  static async open(backend: Backend): Promise<PublishedMeasure> {
    // One task at a time: which member of a chord ends last is the same on both sides.
    const measure = await Measure.open([backend], SECONDS, undefined, { isOneByOne: true })
    const taps = { python: new Tap(), mixed: new Tap() }
    for (const { python, mixed } of measure.fleets.values()) {
      await Promise.all([taps.python.open(python), taps.mixed.open(mixed)])
    }
    return new PublishedMeasure(backend, measure, taps)
  }

  /** Undefined where it ends in another way, or may, as docs/interop.md lists it: then other messages are published. */
  async differencesOf(seed: number): Promise<readonly FieldDifference[] | undefined> {
    const backend = this.#backend
    const measured = await this.#measure.run(draw(seed, { direction: 'node→node', backend }))
    if (verdictOf(measured).kind !== 'same' || mayDiffer(measured)) return undefined
    const { python, mixed } = this.#taps
    const { expected, actual } = measured
    return publishedDifferences(python.of(expected[0]?.run ?? ''), mixed.of(actual.run))
  }

  async close(): Promise<void> {
    await this.#measure.close()
  }
}

const SECONDS = 120

/** Its shape is one that differs, whether its outcome shows it or not. */
function mayDiffer({ shape }: Measured): boolean {
  return LISTED.some(({ isIn }) => isIn?.(shape) === true)
}
