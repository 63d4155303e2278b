import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SiteConfig } from '../../src/recipes/index.ts'
import { sorted } from '../support/sorted.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/recipes.md'), 'utf8')

test('the chapter on storage names every key that commands and services read', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  const read = sources
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
    .flatMap((text) => [...text.matchAll(/\bstorage(?:'\)\?\.)?\['(zocalo\.[\w.]+)'\]/g)])
    .map(([, key = '']) => key)
  const told = [...chapter('Storage').matchAll(/^\| `(zocalo\.[\w.]+)` \|/gm)]
  expect(sorted(told.map(([, key = '']) => key))).toEqual(sorted(new Set(read)))
})

test('the site of the chapter on storage gives each environment its values', async () => {
  const yaml = `version: 1\n${yamlOf('Storage')}`
  const valuesOf = async (name: string) => {
    const config = SiteConfig.fromString(yaml, { directory: ROOT })
    await config.activateEnvironment(name)
    return config.plugin('storage')
  }
  expect(await valuesOf('live')).toMatchObject({ 'zocalo.recipe_directory': '/data/recipes' })
  expect(await valuesOf('test')).toMatchObject({
    'zocalo.recipe_directory': './recipes',
    'beamline.detector': 'eiger',
  })
})

test('the site of the chapter on further files takes blocks from an included file and from a file of their own', async () => {
  const home = mkdtempSync(join(tmpdir(), 'site-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  vi.stubEnv('HOME', home)
  onTestFinished(() => void vi.unstubAllEnvs())
  write('site.yml', yamlOf('References to further files'))
  write('broker.yml', 'version: 1\nbroker: { plugin: transport, default: OfflineTransport }\n')
  const config = SiteConfig.fromFile(join(home, 'site.yml'))
  await expect(config.activateEnvironment('live')).rejects.toThrow(/secrets/)
  write('zocalo/secrets.yml', 'plugin: storage\ntoken: secret\n')
  const readable = SiteConfig.fromFile(join(home, 'site.yml'))
  await readable.activateEnvironment('live')
  expect(readable.plugin('storage')).toMatchObject({ token: 'secret' })
  expect(readable.block('transport')).toMatchObject({ default: 'OfflineTransport' })

  function write(name: string, text: string): void {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
})

function chapter(title: string): string {
  const [, rest = ''] = PAGE.split(`\n### ${title}\n`)
  return rest.split(/^##/m)[0] ?? ''
}

function yamlOf(title: string): string {
  return /^```yaml\n([\s\S]+?)^```$/m.exec(chapter(title))?.[1] ?? ''
}
