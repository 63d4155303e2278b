import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, test } from 'vitest'
import {
  absence,
  BACKENDS,
  type Column,
  DIRECTIONS,
  FEATURE_NAMES,
  FEATURES,
  type FeatureName,
  type Python,
} from './features.ts'
import { startMatrix } from './start-matrix.ts'

setMaxListeners(0)

type Ends = ReadonlyMap<FeatureName, Promise<void>>

/** Every cell is a test. Those of one Python and one backend share their workers, and those of one column run at once. */
export function matrixOf(python: Python): void {
  describe.each(BACKENDS)('results in %s', (backend) => {
    let started: Awaited<ReturnType<typeof startMatrix>> | undefined

    beforeAll(async () => {
      started = await startMatrix(python, backend)
    })

    afterAll(async () => {
      await started?.close()
    })

    describe.each(DIRECTIONS)('%s', (direction) => {
      const column: Column = { python, backend, direction }
      const rows = FEATURE_NAMES.filter((name) => absence(name, column) === undefined)
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
      )
    })
  })
}
