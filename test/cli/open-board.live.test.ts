import { expect, onTestFinished, test, vi } from 'vitest'
import { openBoard } from '../../src/cli/flow/open-board.ts'
import { Config } from '../../src/config/config.ts'
import type { Database } from '../../src/database/database.ts'
import { Board } from '../../src/flows/board/database/board.ts'
import { DatabaseStore } from '../../src/flows/storage/database-store.ts'
import { migratedDatabase } from '../support/postgres.ts'

const config = new Config({ dotenv: false, environment: {}, queues: ['export'] })

async function isClosed(database: Database | undefined): Promise<boolean> {
  return await Promise.resolve(database?.query('select 1')).then(
    () => false,
    () => true,
  )
}

test.each([
  ['board', Board.prototype],
  ['store', DatabaseStore.prototype],
] as const)('the database of a board is closed though its %s cannot be', async (_, failing) => {
  vi.spyOn(failing, 'close').mockRejectedValue(new Error('not closed'))
  onTestFinished(() => void vi.restoreAllMocks())
  const opened = await openBoard(config, { database: await migratedDatabase() })
  expect(await isClosed(opened.database)).toBe(false)
  await expect(opened[Symbol.asyncDispose]()).rejects.toThrow('not closed')
  expect(await isClosed(opened.database)).toBe(true)
})
