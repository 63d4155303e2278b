import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { loadApp, resolveApp } from '../../src/cli/app/load-app.ts'
import { freshFolder } from './fresh-folder.ts'

/** Has the shape of an app, as one from another copy of the toolbox would. */
const APP = (name: string) =>
  `{ config: { name: ${JSON.stringify(name)} }, tasks: {}, worker() {} }`

test.each([
  ['a file, its export "app"', 'app.js', 'app.js', `export const app = ${APP('found')}`],
  ['a file, its default export', 'main.mjs', 'main.mjs', `export default ${APP('found')}`],
  ['a file without its extension', 'app', 'app.js', `export const celery = ${APP('found')}`],
  ['a CommonJS file', 'app.cjs', 'app.cjs', `module.exports = { app: ${APP('found')} }`],
  ['another export by name', 'app.js:other', 'app.js', `export const other = ${APP('found')}`],
  ['a folder with an app.js', 'service', 'service/app.js', `export const app = ${APP('found')}`],
  [
    'an installed package',
    'my-app',
    'node_modules/my-app/index.js',
    `export const app = ${APP('found')}`,
  ],
])('-A takes %s', async (_what, spec, file, source) => {
  const folder = folderWith({ [file]: source })
  expect((await loadApp(spec, folder)).config).toMatchObject({ name: 'found' })
})

test('-A takes a folder by what its package.json says', () => {
  const folder = folderWith({
    'service/package.json': '{"type": "module", "main": "lib/start.js"}',
    'service/lib/start.js': '',
    'service/app.js': '',
  })
  expect(resolveApp('service', folder)).toBe(join(folder, 'service/lib/start.js'))
})

test('an app that is not there is named with what was expected', async () => {
  await expect(loadApp('nowhere.ts', freshFolder())).rejects.toThrow(
    'cannot find the app "nowhere.ts": expected a file (app.ts, app.js), a folder with one, or an installed package',
  )
})

test('a file without an app is reported with what it exports', async () => {
  const folder = folderWith({ 'app.js': 'export const add = 1' })
  await expect(loadApp('app.js', folder)).rejects.toThrow(
    '"app.js" has no app: it exports add; expected "export const app = createApp(config)"',
  )
})

test('a file that fails as it loads is reported with its error', async () => {
  const folder = folderWith({ 'app.js': 'throw new TypeError("no tasks today")' })
  const error = await loadApp('app.js', folder).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'USAGE_INVALID' })
  expect(String(error)).toContain('cannot load the app "app.js": no tasks today')
})

test("a mistake in the app's settings stays a configuration error", async () => {
  const config = pathToFileURL(join(import.meta.dirname, '../../src/errors.ts')).href
  const folder = folderWith({
    'app.js': `import { ConfigError } from '${config}'; throw new ConfigError(['QUEUES: wrong'])`,
  })
  await expect(loadApp('app.js', folder)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = freshFolder()
  for (const [name, text] of Object.entries({ 'package.json': '{"type": "module"}', ...files })) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  return folder
}
