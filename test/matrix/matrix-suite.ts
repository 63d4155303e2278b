import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { RunningSqs } from '../support/sqs-servers.ts'
import {
  absence,
  BACKENDS,
  type Carrier,
  type Column,
  DIRECTIONS,
  FEATURE_NAMES,
  FEATURES,
  type FeatureName,
  type Python,
  type Site,
  SQS_CARRIERS,
} from './features.ts'
import { startMatrix } from './start-matrix.ts'

setMaxListeners(0)

/** The first test of a column waits for the longest of it. */
const ONE_COLUMN = 150_000

type Ends = ReadonlyMap<FeatureName, Promise<void>>

/** Every cell is a test. Those of one Python and one backend share their workers, and those of one column run at once. */
export function matrixOf(python: Python): void {
  describe.each(BACKENDS)('results in %s', (backend) => {
    matrixAt({ python, carrier: 'RabbitMQ', backend }, FEATURE_NAMES)
  })
}

interface OnSqs {
  readonly carriers?: readonly Carrier[]
  readonly names?: readonly FeatureName[]
  readonly start: () => Promise<RunningSqs>
}

/** The same on Amazon SQS, with results in PostgreSQL. */
export function matrixOnSqs(python: Python, { carriers, names, start }: OnSqs): void {
  describe.each(carriers ?? SQS_CARRIERS)('%s', (carrier) => {
    matrixAt({ python, carrier, backend: 'postgresql' }, names ?? FEATURE_NAMES, start)
  })
}

function matrixAt(
  site: Site,
  names: readonly FeatureName[],
  startSqs?: () => Promise<RunningSqs>,
): void {
  let started: Awaited<ReturnType<typeof startMatrix>> | undefined

  beforeAll(async () => {
    started = await startMatrix(site, startSqs)
  }, 120_000)

  afterAll(async () => {
    await started?.close()
  })

  describe.each(DIRECTIONS)('%s', (direction) => {
    const column: Column = { ...site, direction }
    const rows = names.filter((name) => absence(name, column) === undefined)
    let ends: Ends = new Map()

    beforeAll(async () => {
      ends = (await started?.begin(direction, rows)) ?? ends
    })

    test.each(rows.map((name) => [FEATURES[name].title, name] as const))(
      '%s',
      async (_title, name) => {
        const end = ends.get(name)
        if (end === undefined) throw new Error(`the cell "${name}" was not run`)
        await end
      },
      ONE_COLUMN,
    )
  })
}
