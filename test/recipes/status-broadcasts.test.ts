import { expect, test } from 'vitest'
import { DisconnectedError } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'
import { OfflineTransport } from '../../src/recipes/index.ts'
import { STATUS } from '../../src/recipes/service/service-status.ts'
import { StatusBroadcasts } from '../../src/recipes/service/status-broadcasts.ts'

test('that a status cannot be broadcast is said once, until one was broadcast again', async () => {
  let isAway = true
  class Transport extends OfflineTransport {
    async broadcastStatus(): Promise<void> {
      if (isAway) throw new DisconnectedError('away')
    }
  }
  const warnings: unknown[] = []
  const log = {
    ...silentLogger,
    warn: (...said: readonly unknown[]) => void warnings.push(said.at(-1)),
  }
  const status = new StatusBroadcasts({ transport: new Transport(), log })
  await status.start()
  status.enter(STATUS.starting)
  status.enter(STATUS.processing)
  await status.end()
  expect(warnings).toEqual(['the status of the service cannot be broadcast'])
  isAway = false
  status.enter(STATUS.starting)
  await status.end()
  isAway = true
  status.enter(STATUS.starting)
  await status.end()
  expect(warnings).toHaveLength(2)
})
