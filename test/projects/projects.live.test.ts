import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/services.ts'
import { bundled, KINDS, makeProject, runIn, write } from './project.ts'

const CLI = join(PROJECT, 'dist/src/cli/main.js')

// All kinds of projects, versions of Node and of TypeScript: npm run test:projects.

test.each(KINDS)(
  '-A app.ts loads in a package with "type": %s, with what it imports',
  async (type) => {
    const folder = makeProject(type)
    const shown = await runIn(folder, process.execPath, [CLI, '-A', 'app.ts', 'config', 'show'])
    expect(JSON.parse(shown)).toContainEqual(expect.objectContaining({ name: 'QUEUES' }))
  },
)

test.each(['esm', 'cjs'])('a bundle by esbuild as %s runs', async (format) => {
  expect(await bundled(makeProject('commonjs'), format)).toBe('sum 5\n')
})

test('require() gives a CommonJS program what import gives a module', async () => {
  const folder = makeProject('commonjs')
  write(
    folder,
    'plain.js',
    "const { Config, createApp } = require('celery-toolbox')\nconsole.log(typeof Config, typeof createApp)\n",
  )
  expect(await runIn(folder, process.execPath, ['plain.js'])).toBe('function function\n')
})
