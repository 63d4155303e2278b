import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshFolder } from '../cli/fresh-folder.ts'
import { MODULES, runIn, write } from '../projects/project.ts'
import { PROJECT } from '../support/services.ts'

// A signature that changes breaks applications: npm run api:update accepts what is meant.
test('what the package exports has the signatures that api/ lists', async () => {
  expect(await runIn(PROJECT, process.execPath, ['scripts/api-report.mjs'])).toMatch(/as api\//)
}, 180_000)

test('a changed option, a lost export and a new entry point are reported with their lines', async () => {
  const folder = freshFolder()
  symlinkSync(MODULES, join(folder, 'node_modules'))
  mkdirSync(join(folder, 'api'))
  const options = 'interface Options {\n    readonly countdown?: number;\n}'
  const call = 'export declare function call(name: string, options?: Options): Promise<void>;'
  const state = 'export type State = "SUCCESS" | "FAILURE";'
  const before = await changesOf(folder, { 'main.d.ts': `${options}\n${call}\n${state}` })
  write(folder, 'api/celery-toolbox.api.md', before.report)
  const { lines } = await changesOf(folder, {
    'main.d.ts': `${options.replace('?:', ':')}\n/** Has a comment now. */ ${call}`,
    'extra.d.ts': 'export declare const more: 1;',
  })
  expect(lines).toEqual(
    expect.arrayContaining([
      '-    readonly countdown?: number;',
      '+    readonly countdown: number;',
      '-type State = "SUCCESS" | "FAILURE";',
      '+const more: 1;',
    ]),
  )
  expect(lines.filter((line) => /^[+-].*call\(/.test(line))).toEqual([])
}, 180_000)

interface Changes {
  readonly report: string
  readonly lines: readonly string[]
}

/** Of a package with one entry point for each file. */
async function changesOf(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<Changes> {
  const names = Object.keys(files).map((file) => file.replace('.d.ts', ''))
  const exports = Object.fromEntries(names.map((name) => [`./${name}`, `./dist/${name}.js`]))
  write(folder, 'package.json', JSON.stringify({ name: 'fixture', type: 'module', exports }))
  for (const [file, text] of Object.entries(files)) write(folder, `dist/${file}`, text)
  const { publicChanges } = await import('../../scripts/api-report.mjs')
  return await publicChanges(folder)
}
