import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MODULES, makeProject, runIn, write } from '../projects/project.ts'
import { PROJECT } from '../support/services.ts'

const page = readFileSync(join(PROJECT, 'README.md'), 'utf8')

/** The block of the page that begins with the name of its file. */
function block(file: string): string {
  const found = page.split('```ts\n').find((part) => part.startsWith(`// ${file}\n`))
  if (found === undefined) throw new Error(`README.md has no ${file}`)
  return found.slice(0, found.indexOf('```'))
}

test("README's program in one process prints its sum and ends", async () => {
  const folder = makeProject('module')
  write(folder, 'first.ts', block('first.ts'))
  expect(await runIn(folder, join(MODULES, '.bin/tsx'), ['first.ts'])).toBe('5\n')
})

test.each(['module', 'commonjs'])(
  "README's app compiles and loads in a package of %s",
  async (type) => {
    const folder = makeProject(type)
    write(folder, 'app.ts', block('app.ts'))
    const cli = join(PROJECT, 'dist/src/cli/main.js')
    const shown = await runIn(folder, process.execPath, [cli, '-A', 'app.ts', 'config', 'show'])
    expect(JSON.parse(shown)).toContainEqual(
      expect.objectContaining({ name: 'QUEUES', value: ['export'] }),
    )
  },
)
