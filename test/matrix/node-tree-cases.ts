import { existsSync } from 'node:fs'
import { expect } from 'vitest'
import { chain, chord } from '../../src/index.ts'
import { waitFor } from '../support/wait-for.ts'
import { type NodeCase, WAIT } from './node-place.ts'

const REVOKED = { state: 'REVOKED', excType: 'TaskRevokedError' }

/** The rows of the matrix about the trees of results, and about ending tasks: Node calls, Python runs. */
export function treeCases() {
  return {
    tree: async ({ sig, call }) => {
      const both = chord([sig('export.add', 1), sig('python.add', 2)], sig('python.total'))
      const steps = chain(sig('python.add', 1, 1), both, sig('export.add', 100))
      const result = await steps.applyAsync()
      expect(await result.get(WAIT)).toBe(107)
      expect(await call('python.tree', [result.asTuple()])).toEqual([107, 7, [3, 4], 2])
    },
    revoke: async ({ app, call, path }) => {
      const file = path()
      const held = await app.sendTask('python.mark', [1, file], {}, { countdown: 2 })
      await held.revoke()
      await expect(held.get(WAIT)).rejects.toMatchObject({ ...REVOKED, excArgs: ['revoked'] })
      await call('python.add', [1, 1], {}, { countdown: 3 })
      expect(existsSync(file)).toBe(false)
    },
    terminate: async ({ app }) => {
      const running = await app.sendTask('python.sleep', [30])
      await waitFor('its start', async () => (await running.status()) === 'STARTED')
      await running.revoke({ terminate: true })
      await expect(running.get(WAIT)).rejects.toMatchObject({ ...REVOKED, excArgs: ['terminated'] })
    },
  } satisfies Readonly<Record<string, NodeCase>>
}
