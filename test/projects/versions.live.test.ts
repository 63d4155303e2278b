import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { PROJECT } from '../support/services.ts'
import { bundled, KINDS, makeProject, MODULES as OURS, runIn, write } from './project.ts'

/** Installed beside the tests, once: a hundred megabytes from the registry. */
const STORE = join(PROJECT, '.services/projects')
const MODULES = join(STORE, 'node_modules')
const NODES = ['20', '22', '24']
const COMPILERS = ['5.4', '5.9', '6.0', '7.0']
const MOST_BYTES = 1_500_000

/** The compilers and Nodes once; the package itself anew, with the dependencies of this repository. */
beforeAll(async () => {
  mkdirSync(STORE, { recursive: true })
  if (!existsSync(join(MODULES, 'ts7.0'))) await installTools()
  await runIn(PROJECT, 'npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', STORE])
  rmSync(join(MODULES, 'celery-toolbox'), { recursive: true, force: true })
  mkdirSync(join(MODULES, 'celery-toolbox'))
  const into = ['-C', join(MODULES, 'celery-toolbox'), '--strip-components=1']
  await runIn(STORE, 'tar', ['-xzf', tarball(), ...into])
}, 600_000)

async function installTools(): Promise<void> {
  const aliases = [
    ...NODES.map((version) => [`node${version}`, `npm:node@${version}`]),
    ...COMPILERS.map((version) => [`ts${version}`, `npm:typescript@~${version}.0`]),
  ]
  const dependencies = Object.fromEntries(aliases)
  write(STORE, 'package.json', JSON.stringify({ name: 'tools', private: true, dependencies }))
  await runIn(STORE, 'npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--force',
    '--ignore-scripts=false',
  ])
}

/** The files of test/types, as an application would write them. */
function typeTestsIn(folder: string): readonly string[] {
  for (const name of ['zod', 'vitest']) {
    symlinkSync(join(OURS, name), join(folder, 'node_modules', name))
  }
  const app = `import { Config, createApp } from 'celery-toolbox'
export const embeddedApp = () => createApp(new Config({ queues: ['export'] }))
`
  write(folder, 'embedded-app.ts', app)
  return ['calls', 'kwargs'].map((name) => {
    const source = readFileSync(join(PROJECT, `test/types/${name}.ts`), 'utf8')
    const text = source
      .replace("'../../src/index.ts'", "'celery-toolbox'")
      .replace("'../support/embedded-app.ts'", "'./embedded-app.js'")
      .replace("'./calls.ts'", "'./calls.js'")
    write(folder, `${name}.ts`, text)
    return `${name}.ts`
  })
}

function tarball(): string {
  const [file = ''] = readdirSync(STORE).filter((name) => name.endsWith('.tgz'))
  return join(STORE, file)
}

test('the tarball has at most 1.5 MB', () => {
  expect(statSync(tarball()).size).toBeLessThanOrEqual(MOST_BYTES)
})

describe.each(NODES)('Node %s', (version) => {
  const node = join(MODULES, `node${version}`, 'bin/node')

  test.each(KINDS)('loads -A app.ts in a package with "type": %s', async (type) => {
    const folder = makeProject(type, MODULES)
    const cli = join(MODULES, 'celery-toolbox/dist/src/cli/main.js')
    expect(await runIn(folder, node, ['--version'])).toMatch(new RegExp(`^v${version}\\.`))
    const shown = await runIn(folder, node, [cli, '-A', 'app.ts', 'config', 'show'])
    expect(JSON.parse(shown)).toContainEqual(expect.objectContaining({ name: 'QUEUES' }))
  })

  test('runs a task', async () => {
    const folder = makeProject('module', MODULES)
    expect(await runIn(folder, node, ['--import', 'tsx', 'run.ts'])).toBe('sum 5\n')
  })
})

describe.each(COMPILERS)('TypeScript %s', (version) => {
  const tsc = join(MODULES, `ts${version}`, 'bin/tsc')
  const flags = ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', '--skipLibCheck']

  const forNodeNext = async (type: string | undefined): Promise<void> => {
    const folder = makeProject(type, MODULES)
    await runIn(folder, process.execPath, [tsc, ...flags, '--module', 'nodenext', 'run.ts'])
  }

  // Before 5.8 a compiler does not know that Node's require() loads ES modules: docs/troubleshooting.md has the ways out.
  const knowsRequire = version !== '5.4'

  test.each(KINDS.filter((type) => type === 'module' || knowsRequire))(
    'compiles an app for NodeNext in a package with "type": %s',
    forNodeNext,
  )

  test.each(KINDS.filter((type) => type !== 'module' && !knowsRequire))(
    'refuses an app for NodeNext in a package with "type": %s by TS1479',
    async (type) => {
      await expect(forNodeNext(type)).rejects.toThrow('TS1479')
    },
  )

  test('the types of calls, workflows and keyword arguments hold', async () => {
    const folder = makeProject('module', MODULES)
    const files = typeTestsIn(folder)
    await runIn(folder, process.execPath, [tsc, ...flags, '--module', 'nodenext', ...files])
  })

  // 6 and 7 have no resolution of that age any more.
  test.each(version.startsWith('5.') ? ['commonjs'] : [])(
    'compiles an app for "module": "%s"',
    async (module) => {
      const folder = makeProject('commonjs', MODULES)
      await runIn(folder, process.execPath, [tsc, ...flags, '--module', module, 'run.ts'])
    },
  )
})

describe.each(KINDS)('in a package with "type": %s', (type) => {
  test('tsx runs an app that calls its own task', async () => {
    const folder = makeProject(type, MODULES)
    expect(await runIn(folder, join(OURS, '.bin/tsx'), ['run.ts'])).toBe('sum 5\n')
  })

  test.each(['esm', 'cjs'])('a bundle by esbuild as %s runs', async (format) => {
    expect(await bundled(makeProject(type, MODULES), format)).toBe('sum 5\n')
  })

  test('node runs what tsc compiles for NodeNext', async () => {
    const folder = makeProject(type, MODULES)
    const flags = ['--module', 'nodenext', '--strict', '--target', 'es2023', '--types', 'node']
    await runIn(folder, join(OURS, '.bin/tsc'), [...flags, 'run.ts'])
    expect(await runIn(folder, process.execPath, ['run.js'])).toBe('sum 5\n')
  })
})
