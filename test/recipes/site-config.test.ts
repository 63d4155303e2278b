import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SiteConfig, SiteConfigError } from '../../src/recipes/index.ts'
import { environmentsOnCommandLine } from '../../src/recipes/site/named-environments.ts'

interface SiteCase {
  readonly name: string
  readonly yaml: string
  readonly files?: Readonly<Record<string, string>>
  readonly activate?: readonly string[] | 'default'
  readonly environment_variables?: Readonly<Record<string, string>>
  readonly loaded?: { readonly environments: unknown; readonly text: string }
  readonly error?: Refusal
  readonly activation_error?: Refusal
  readonly activated?: readonly string[]
  readonly active_environments?: readonly string[]
  readonly plugin_values?: Readonly<Record<string, unknown>>
  readonly warnings?: readonly string[]
}

interface Refusal {
  readonly python_class: string
  readonly category: string
  readonly fields?: unknown
}

const file = join(import.meta.dirname, '../fixtures/recipes/site-cases.json')
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly SiteCase[] }

test.each(cases)('a site file is read as Zocalo reads it: $name', async (item) => {
  const folder = filesOf(item)
  for (const [name, value] of Object.entries(item.environment_variables ?? {}))
    vi.stubEnv(name, value)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const config = outcomeOf(() => SiteConfig.fromFile(join(folder, 'site.yml')))
  if (item.error !== undefined) return expectRefusal(config, item.error)
  if (!(config instanceof SiteConfig)) throw config
  expect(config.environments).toEqual(item.loaded?.environments)
  expect(String(config)).toBe(item.loaded?.text)
  if (item.activate !== undefined) await activates(config, item)
  if (item.warnings !== undefined) expect(config.warnings).toEqual(item.warnings)
})

async function activates(config: SiteConfig, item: SiteCase): Promise<void> {
  const names = item.activate === 'default' ? undefined : item.activate
  const activated = await config.activate(names).catch((error: unknown) => error)
  if (item.activation_error !== undefined) return expectRefusal(activated, item.activation_error)
  expect(activated).toEqual(item.activated)
  expect(config.activeEnvironments).toEqual(item.active_environments)
  for (const [name, value] of Object.entries(item.plugin_values ?? {})) {
    expect(JSON.parse(JSON.stringify(config.plugin(name)))).toEqual(value)
  }
}

test('what is activated shows in the text, no password does', async () => {
  const config = SiteConfig.fromString(
    'version: 1\np: {plugin: pika, host: h, port: 1, username: u, password: geheim, vhost: v}\nenvironments: {a: [p], b: []}\n',
  )
  await config.activate(['a', 'b'])
  expect(String(config)).toBe(
    "<ZocaloConfiguration containing 2 environments, 1 plugin configurations, environments ['a', 'b'] activated>",
  )
  expect(inspect(config)).not.toContain('geheim')
  expect(config.block('pika')).toMatchObject({ host: 'h' })
})

test('verbosity applies the entries up to it, and never goes back', async () => {
  const config = SiteConfig.fromString(
    'version: 1\nl: {plugin: logging, loggers: {zocalo: {level: WARNING}}, verbose: [{loggers: {zocalo: {level: INFO}}}, {loggers: {zocalo: {level: DEBUG}}}]}\nenvironments: {default: [l]}\n',
  )
  await config.activate([])
  const logging = config.plugin('logging')
  if (logging === null) throw new Error('no logging was set up')
  expect(logging.levelOf('zocalo')).toBe('WARNING')
  logging.verbosity = 1
  expect([logging.verbosity, logging.levelOf('zocalo')]).toEqual([1, 'INFO'])
  logging.verbosity = 9
  logging.verbosity = 0
  expect([logging.verbosity, logging.levelOf('zocalo')]).toEqual([2, 'DEBUG'])
})

test('a plug-in of an own package gives the value of its block', async () => {
  const config = SiteConfig.fromString(
    'version: 1\nb: {plugin: beamline, name: i03}\nenvironments: {default: [b]}\n',
  )
  config.register('beamline', (block) => `beamline ${block.name}`)
  await config.activate([])
  expect(config.plugin('beamline')).toBe('beamline i03')
})

test('a block in a file whose fields are wrong is activated with a warning', async () => {
  const folder = filesOf({
    name: '',
    yaml: 'version: 1\na: f.yml\nenvironments: {default: [a]}\n',
    files: { 'f.yml': 'plugin: smtp\nhost: h\n' },
  })
  const config = SiteConfig.fromFile(join(folder, 'site.yml'))
  await config.activate([])
  expect(config.warnings).toEqual([
    `block 'a' in ${join(folder, 'f.yml')}: port: Missing data for required field.`,
  ])
})

test('included files are merged depth first: blocks and groups of the included win, plugins are joined', async () => {
  const folder = filesOf({
    name: '',
    yaml: 'version: 1\ninclude: [sub/more.yml]\na: {plugin: storage, x: own}\nenvironments: {live: {first: [a], plugins: [a]}, default: live}\n',
    files: {
      'sub/more.yml':
        'version: 1\ninclude: [deep.yml]\nb: block.yml\na: {plugin: storage, x: included}\nenvironments: {live: {plugins: [b]}}\n',
      'sub/deep.yml':
        'version: 1\nc: {plugin: storage, z: 3}\nenvironments: {live: {first: [c]}, other: [c]}\n',
      'sub/block.yml': 'plugin: storage\ny: 2\n',
    },
  })
  const config = SiteConfig.fromFile(join(folder, 'site.yml'))
  expect(config.environments).toEqual({ live: ['c', 'a', 'b'], default: ['a'], other: ['c'] })
  await config.activate(['live'])
  expect(config.plugin('storage')).toEqual({ plugin: 'storage', x: 'included', y: 2, z: 3 })
})

test('files that include each other are refused', () => {
  const folder = filesOf({
    name: '',
    yaml: 'version: 1\ninclude: [more.yml]\n',
    files: { 'more.yml': 'version: 1\ninclude: [site.yml]\na: {plugin: storage}\n' },
  })
  expect(() => SiteConfig.fromFile(join(folder, 'site.yml'))).toThrow(/includes itself/)
})

const NO_TEXT = ['Not a valid string.']

test.each([
  ['a version that is true', 'version: true', { version: ['Not a valid integer.'] }],
  ['a block whose name is a number', 'version: 1\n1: {plugin: storage}', { 1: NO_TEXT }],
  [
    'an environment named yes',
    'version: 1\nenvironments: {yes: []}',
    { environments: { true: { key: NO_TEXT } } },
  ],
  [
    'a group whose name is null',
    'version: 1\nenvironments: {a: {~: [5]}}',
    { environments: { a: { value: { null: { key: NO_TEXT, value: { 0: NO_TEXT } } } } } },
  ],
  ['a number as a file to include', 'version: 1\ninclude: [5]', { include: { 0: NO_TEXT } }],
])('%s is refused', (_, text, fields) => {
  const error = outcomeOf(() => SiteConfig.fromString(text))
  expect(error).toMatchObject({ category: 'schema', fields })
})

test('environments are found on the command line among options of others', () => {
  const args = [
    '-v',
    '-e',
    'one',
    '--other',
    '-etwo',
    '--environment=three',
    '--env',
    'four',
    '--',
    '-e',
    'no',
  ]
  expect(environmentsOnCommandLine(args)).toEqual(['one', 'two', 'three', 'four'])
})

function filesOf(item: Pick<SiteCase, 'name' | 'yaml' | 'files'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'site-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries({ 'site.yml': item.yaml, ...item.files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

function outcomeOf(work: () => SiteConfig): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

function expectRefusal(outcome: unknown, refusal: Refusal): void {
  expect(outcome).toBeInstanceOf(SiteConfigError)
  expect(outcome).toMatchObject({ category: refusal.category, pythonClass: refusal.python_class })
  if (refusal.fields !== undefined) expect(outcome).toMatchObject({ fields: refusal.fields })
}

test.each(['5', '0', 'null', '[]', '[a]', 'text', '""'])(
  'environments that are no mapping are refused: %s',
  (given) => {
    const text = `version: 1\na: {plugin: storage}\nenvironments: ${given}`
    const read = (): SiteConfig => SiteConfig.fromString(text)
    expect(read).toThrow(SiteConfigError)
    expect(read).toThrow(
      expect.objectContaining({
        category: 'schema',
        fields: { environments: ['Not a valid mapping type.'] },
      }),
    )
  },
)
