import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { version } from '../../../src/own-package.ts'
import { startProcess } from '../../support/processes.ts'
import { sorted } from '../../support/sorted.ts'
import { type Zocalo, zocalo, zocaloProgram } from '../../support/zocalo.ts'

const ANOTHER_USER = 65_534

/** From Node 22.1 on Node does it by itself, in its own way. */
describe.skipIf('enableCompileCache' in module)('compiled code of zocalo.go', () => {
  test('is kept by a run that sends, and used by the next until the source changes', async () => {
    const site = await zocalo()
    const cache = join(site.folder, 'cache')
    await go(site, cache)
    const kept = keptIn(cache)
    expect(sorted([...kept.keys()].map((file) => file.replace(/.*\//, '')))).toEqual([
      'amqplib.cjs.compiled',
      'go.cjs.compiled',
      'yaml.cjs.compiled',
    ])
    await go(site, cache)
    expect(keptIn(cache)).toEqual(kept)

    // The first is of another source, the second no compiled code, the third cut short.
    const [first = '', second = '', third = ''] = kept.keys()
    const bytes = readFileSync(first)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    writeFileSync(first, bytes)
    writeFileSync(second, Buffer.concat([readFileSync(second).subarray(0, 16), Buffer.alloc(99)]))
    writeFileSync(third, readFileSync(third).subarray(0, 10_000))
    const damaged = keptIn(cache)
    await go(site, cache)
    for (const [file, inode] of keptIn(cache)) expect(inode, file).not.toBe(damaged.get(file))
  })

  test('is neither read nor kept in a folder that others may write to', async () => {
    const site = await zocalo()
    const cache = join(site.folder, 'cache')
    const folder = join(cache, 'celery-toolbox')
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o777)
    await go(site, cache)
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([
    ['no folder', '/dev/null'],
    ['not there', '/nonexistent'],
    ['not named', ''],
  ])('is not needed: a home that is %s keeps no run from sending', async (_what, HOME) => {
    const site = await zocalo()
    await go(site, '', { env: { HOME, XDG_CACHE_HOME: '' } })
  })

  test.skipIf(process.getuid?.() !== 0)(
    'is not kept by root in the home of another user',
    async () => {
      const site = await zocalo()
      const home = join(site.folder, 'home')
      mkdirSync(home)
      chownSync(home, ANOTHER_USER, ANOTHER_USER)
      await go(site, '', { env: { HOME: home, XDG_CACHE_HOME: '' } })
      expect(readdirSync(home)).toEqual([])
    },
  )

  test('is of one version of the package', async () => {
    const site = await zocalo()
    const cache = join(site.folder, 'cache')
    await go(site, cache)
    expect(readdirSync(join(cache, 'celery-toolbox'))).toEqual([
      `${version()}-${process.version}-${process.arch}`,
    ])
  })

  test('is not kept by a run that sends nothing, or where NODE_DISABLE_COMPILE_CACHE says so', async () => {
    const site = await zocalo()
    const cache = join(site.folder, 'cache')
    await go(site, cache, { args: ['--dry-run'] })
    await go(site, cache, { env: { NODE_DISABLE_COMPILE_CACHE: '1' } })
    expect(existsSync(cache)).toBe(false)
  })
})

interface GoOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

async function go(site: Zocalo, cache: string, { args = [], env = {} }: GoOptions = {}) {
  const run = startProcess(
    process.execPath,
    [zocaloProgram('go'), '-r', 'example', '1234', ...args],
    { env: { ZOCALO_CONFIG: join(site.folder, 'site.yml'), NODE_COMPILE_CACHE: cache, ...env } },
  )
  expect((await run.exited).code).toBe(0)
  expect(run.output).toContain('Submitted.')
}

/** Files by their inodes: one that is written anew has another. */
function keptIn(cache: string): ReadonlyMap<string, number> {
  const names = readdirSync(cache, { recursive: true, encoding: 'utf8' })
  const files = names.map((name) => join(cache, name)).filter((file) => statSync(file).isFile())
  return new Map(sorted(files).map((file) => [file, statSync(file).ino]))
}
