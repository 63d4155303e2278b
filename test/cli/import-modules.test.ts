import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModules } from '../../src/cli/app/import-modules.ts'
import { Config } from '../../src/config/config.ts'
import { app } from './apps/imports/app.ts'

const FILE = join(import.meta.dirname, 'apps/imports/app.ts')

test('imports and include load the modules that declare tasks, relative to the app', async () => {
  expect(app.tasks.names).toEqual([])
  await importModules(app.config, FILE)
  expect(app.tasks.names).toEqual(['export.csv', 'export.pdf'])
})

test('the default, which is a module of Python, is not looked for', async () => {
  await importModules(new Config({ queues: ['a'], environment: {} }), FILE)
})

test('a module that is not there is named, with the setting', async () => {
  const config = new Config({ queues: ['a'], environment: {}, include: ['./missing.ts'] })
  await expect(importModules(config, FILE)).rejects.toThrow(
    /include names "\.\/missing\.ts", which is not a file in .*apps\/imports/,
  )
})
