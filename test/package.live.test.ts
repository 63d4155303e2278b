import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './support/services.ts'

const MOST_BYTES = 25_000_000
/** Of disks: a file of a few bytes takes one. */
const BLOCK_BYTES = 4096

test('what a producer installs takes less than 25 MB on its disk', () => {
  const own = packedFiles().map((path) => join(PROJECT, path))
  const others = installedWithIt().flatMap((folder) => filesOf(join(PROJECT, folder)))
  expect(own.length).toBeGreaterThan(100)
  expect(others.length).toBeGreaterThan(1000)
  const bytes = [...own, ...others].map((file) => onDisk(statSync(file).size))
  expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(MOST_BYTES)
})

test.each(['amqplib', 'commander', 'yaml'])(
  'the package has the whole licence of %s, which is bundled into it',
  (name) => {
    const bundled = packedFiles().filter((path) => path.startsWith('dist/packages/'))
    const texts = bundled.map((path) => words(readFileSync(join(PROJECT, path), 'utf8')))
    const folder = join(PROJECT, 'node_modules', name)
    const licences = readdirSync(folder).filter((file) => file.startsWith('LICENSE'))
    expect(licences).not.toEqual([])
    for (const file of licences) {
      const licence = words(readFileSync(join(folder, file), 'utf8'))
      expect(
        texts.some((text) => text.includes(licence)),
        file,
      ).toBe(true)
    }
  },
)

function words(text: string): string {
  return text.split(/\s+/).join(' ').trim()
}

function packedFiles(): readonly string[] {
  const args = ['pack', '--dry-run', '--ignore-scripts', '--json']
  const packed: Readonly<Record<string, Packed>> = JSON.parse(
    execFileSync('npm', args, { cwd: PROJECT, encoding: 'utf8' }),
  )
  return Object.values(packed).flatMap(({ files }) => files.map(({ path }) => path))
}

interface Packed {
  readonly files: readonly { readonly path: string }[]
}

/** The folders of its dependencies, and theirs. */
function installedWithIt(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))
  return Object.entries<LockedPackage>(packages)
    .filter(([path, { dev, devOptional, peer }]) => path !== '' && !(dev || devOptional || peer))
    .map(([path]) => path)
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesOf(path) : [path]
  })
}

function onDisk(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

interface LockedPackage {
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly peer?: boolean
}
