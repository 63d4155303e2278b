import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Process, startProcess } from './processes.ts'
import { type Site, zocaloSite } from './recipes.ts'
import { PROJECT, service } from './services.ts'

const SERVICES = join(PROJECT, 'test/support/zocalo-services')
const { bin: BIN } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
  readonly bin: Readonly<Record<string, string>>
}

export interface Zocalo extends Site {
  readonly folder: string
  /** One of our commands, under Zocalo's name. */
  ours(command: string, ...args: string[]): Process
  /** One of Python's. */
  theirs(command: string, ...args: string[]): Process
}

/** The file of one of our commands under Zocalo's name, as it is installed. */
export function zocaloProgram(command: string): string {
  return join(PROJECT, BIN[`zocalo.${command.replaceAll('-', '_')}`] ?? '')
}

/** A site for commands of both languages: broker, site file, recipes. */
export async function zocalo(recipes: Readonly<Record<string, object>> = {}): Promise<Zocalo> {
  const site = await zocaloSite()
  const folder = mkdtempSync(join(tmpdir(), 'zocalo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { host, port, username, password, vhost } = site.options
  const pika = { plugin: 'pika', host, port, username, password, vhost }
  const storage = {
    plugin: 'storage',
    'zocalo.recipe_directory': join(folder, 'recipes'),
    'zocalo.go.fallback_location': join(folder, 'drop'),
    'zocalo.dlq.purge_location': join(folder, 'dlq'),
  }
  const api = service('RABBITMQ_API_URL')
  const rabbitmqapi = {
    plugin: 'rabbitmqapi',
    base_url: `${new URL(api).origin}/api`,
    username,
    password,
    vhost,
  }
  write('site.yml', {
    version: 1,
    pika,
    storage,
    rabbitmqapi,
    environments: { default: ['pika', 'storage', 'rabbitmqapi'] },
  })
  for (const [name, recipe] of Object.entries(recipes)) write(`recipes/${name}.json`, recipe)
  mkdirSync(join(folder, 'drop'))
  for (const name of ['processing_recipe', 'jsonlines', 'transient.destination'])
    await site.queue(name)
  for (const name of ['command', 'transient.status']) await site.topic(name)
  const env = {
    ZOCALO_CONFIG: join(folder, 'site.yml'),
    PYTHONPATH: join(PROJECT, 'test/support/python/zocalo_site'),
  }
  return {
    ...site,
    folder,
    ours: (command, ...args) =>
      startProcess(process.execPath, [zocaloProgram(command), ...args], { env, cwd: SERVICES }),
    theirs: (command, ...args) => {
      const program = join(dirname(service('PYTHON_ZOCALO')), `zocalo.${command}`)
      return startProcess(program, args, { env, cwd: folder })
    },
  }

  function write(name: string, value: object): void {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), JSON.stringify(value))
  }
}
