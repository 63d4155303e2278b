import { setTimeout as wait } from 'node:timers/promises'
import type { Call, Runner } from './build.ts'
import { idOf } from './build.ts'
import { verdictOf } from './compare.ts'
import { BACKENDS, type Backend, type End, type Fleet, openFleet } from './fleet.ts'
import { KnownOutcomes } from './known-outcomes.ts'
import { marksKey } from './node-tasks.ts'
import { DIRECTIONS, type Direction, type Drawn, type Measured, type Outcome } from './outcome.ts'
import { drawOf, type Shape, shapeOf, tagsOf } from './shape.ts'

const RUNNERS: Readonly<Record<string, Runner>> = { node: 'export', python: 'python', both: 'both' }

export function draw(
  seed: number,
  given: { direction?: Direction; backend?: Backend } = {},
): Drawn {
  return {
    seed,
    shape: shapeOf(seed),
    direction: given.direction ?? drawOf(seed, 1, DIRECTIONS),
    backend: given.backend ?? drawOf(seed, 2, BACKENDS),
  }
}

/** A fleet of Python alone and a mixed one for each backend. */
export class Measure {
  readonly #fleets: ReadonlyMap<Backend, { readonly python: Fleet; readonly mixed: Fleet }>
  readonly #seconds: number
  readonly #known: KnownOutcomes

  private constructor(fleets: Measure['fleets'], seconds: number, known: KnownOutcomes) {
    this.#fleets = fleets
    this.#seconds = seconds
    this.#known = known
  }

  get fleets(): ReadonlyMap<Backend, { readonly python: Fleet; readonly mixed: Fleet }> {
    return this.#fleets
  }

  static async open(
    backends: readonly Backend[],
    seconds: number,
    known: KnownOutcomes = new KnownOutcomes(),
    { isOneByOne = false }: { readonly isOneByOne?: boolean } = {},
  ): Promise<Measure> {
    const opened = await Promise.all(
      backends.map(async (backend) => {
        const [python, mixed] = await Promise.all([
          openFleet(backend, { isPythonAlone: true, isOneByOne }),
          openFleet(backend, { isPythonAlone: false, isOneByOne }),
        ])
        return [backend, { python, mixed }] as const
      }),
    )
    return new Measure(new Map(opened), seconds, known)
  }

  /**
   * Runs it on both sides. Where they differ, Python alone runs it again: what its own runs do not agree on, such as which
   * of two failures comes first, is no difference.
   */
  async run(drawn: Drawn): Promise<Measured> {
    const { python, mixed } = this.#fleetsOf(drawn.backend)
    const known = [...this.#known.of(drawn)]
    const [ours, alone] = await Promise.all([
      this.#start(mixed, drawn, drawn.direction),
      known.length > 0 ? undefined : this.#start(python, drawn, ALONE),
    ])
    let measured = await this.#compared(drawn, known, { ours, alone })
    for (
      let again = 0;
      again < MOST_AGAIN && verdictOf(measured).kind === 'different';
      again += 1
    ) {
      const once = await this.#start(python, drawn, ALONE)
      const { expected } = measured
      const ended = { ...ours, outcome: async () => measured.actual }
      measured = await this.#compared(drawn, expected, { ours: ended, alone: once })
    }
    this.#known.keep(drawn, measured.expected)
    return measured
  }

  /** A busy machine may need longer for the last callbacks than for the end: looks again while they differ. */
  async #compared(
    drawn: Drawn,
    known: readonly Outcome[],
    { ours, alone }: { readonly ours: Run; readonly alone: Run | undefined },
  ): Promise<Measured> {
    for (let look = 1; ; look += 1) {
      const [actual, expected] = await Promise.all([ours.outcome(), alone?.outcome()])
      const measured = {
        ...drawn,
        expected: expected === undefined ? known : [...known, expected],
        actual,
      }
      if (look === MOST_LOOKS || verdictOf(measured).kind !== 'different') {
        await Promise.all([ours.forget(), alone?.forget()])
        return measured
      }
    }
  }

  async close(): Promise<void> {
    const fleets = [...this.#fleets.values()].flatMap(({ python, mixed }) => [python, mixed])
    this.#known.write()
    await Promise.all(fleets.map(async (fleet) => fleet.close()))
  }

  /** Starts the workflow and waits for its end; what came of it is looked at later. */
  async #start(fleet: Fleet, { seed, shape }: Drawn, direction: string): Promise<Run> {
    const [caller, runner = ''] = direction.split('→')
    const run = `${direction === ALONE ? 'p' : 'm'}${seed}.${Date.now().toString(36)}`
    const call: Call = { run, runner: RUNNERS[runner] ?? 'both' }
    const end =
      caller === 'node'
        ? await fleet.callFromNode(shape, call, this.#seconds)
        : await fleet.callFromPython(shape, call, this.#seconds)
    const plain = (text: string): string =>
      JSON.stringify(JSON.parse(text)).replaceAll(`${run}-`, '').replace(UUID, 'uuid')
    return {
      outcome: async () => {
        const { marks, states } = await settled(fleet, shape, call)
        const plainEnd = JSON.parse(plain(JSON.stringify(end))) as End
        return { run, end: plainEnd, marks: marks.map(plain).sort(), states }
      },
      forget: async () => {
        await fleet.redis.del(marksKey(run))
      },
    }
  }

  #fleetsOf(backend: Backend): { readonly python: Fleet; readonly mixed: Fleet } {
    const fleets = this.#fleets.get(backend)
    if (fleets === undefined) throw new Error(`no fleet was opened for ${backend}`)
    return fleets
  }
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const QUIET_MS = 1_500
const MOST_LOOKS = 6
const MOST_AGAIN = 2
const ALONE = 'python→python'

interface Run {
  outcome(): Promise<Outcome>
  forget(): Promise<void>
}

type Settled = Pick<Outcome, 'states'> & { readonly marks: readonly string[] }

/** Callbacks may come after the end: no message waits, and nothing more has come for a while. */
async function settled(fleet: Fleet, shape: Shape, call: Call): Promise<Settled> {
  let before = ''
  for (let looks = 1; ; looks += 1) {
    const waiting = await fleet.waiting()
    const now = await look(fleet, shape, call)
    const text = JSON.stringify(now)
    if (text === before && (waiting === 0 || looks > MOST_LOOKS)) return now
    before = text
    await wait(QUIET_MS)
  }
}

async function look({ app, redis }: Fleet, shape: Shape, call: Call): Promise<Settled> {
  const store = await app.results()
  const tags = tagsOf(shape)
  const [marks, ...results] = await Promise.all([
    redis.lrange(marksKey(call.run), 0, -1),
    ...tags.map(async (tag) => store.get(idOf(call, tag))),
  ])
  const states = Object.fromEntries(results.map(({ status }, at) => [String(tags[at]), status]))
  return { marks, states }
}

export function sameSeed({ seed, direction, backend }: Drawn): string {
  return `seed ${seed}, ${direction}, ${backend}`
}
