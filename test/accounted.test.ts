import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './support/services.ts'

/** Tests in which the monitor runs no task's record: it does not start. */
const STARTS_NONE: ReadonlySet<string> = new Set([
  'a monitor does not start on tables that are missing, and says what to run',
])

/** Files in which workers and monitors start and stop, and no task is called. */
const RUN_NO_TASK: ReadonlySet<string> = new Set(['test/lifecycle/every-service.live.test.ts'])

/** Files whose messages or results are spoiled on purpose: events of tasks that never were. They count runs, records or results themselves. */
const SPOIL_MESSAGES: ReadonlySet<string> = new Set([
  'test/worker/spoiled-vectors.live.test.ts',
  'test/faults/hostile-outcomes.live.test.ts',
])

test('each live test that runs a monitor beside workers compares its record with the ledger of the tasks', () => {
  const unaccounted = liveTests().filter(
    ({ file, title, text }) =>
      !RUN_NO_TASK.has(file) &&
      !SPOIL_MESSAGES.has(file) &&
      STARTS_MONITOR.test(text) &&
      RUNS_TASKS.test(text) &&
      !ACCOUNTS.test(text) &&
      !STARTS_NONE.has(title),
  )
  expect(unaccounted.map(({ file, title }) => `${file}: ${title}`)).toEqual([])
})

const STARTS_MONITOR = /\bnew Monitor\(|'monitor'[,)]|monitor-process/
const RUNS_TASKS = /\.worker\(|'worker'[,)]/
const ACCOUNTS = /\b(?:keepAccounts|disagreements|account|new Accountant)\(/

interface LiveTest {
  readonly file: string
  readonly title: string
  /** Of the test, and of all functions of the tests that it calls. */
  readonly text: string
}

function liveTests(): readonly LiveTest[] {
  const files = readdirSync(join(PROJECT, 'test'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.live.test.ts'))
    .map((file) => `test/${file}`)
    .flatMap((file) =>
      partsOf(file)
        .filter(({ text }) => text.startsWith('test'))
        .map(({ text }) => ({
          file,
          title: /'(.+?)'/s.exec(text)?.[1] ?? '',
          text: withCalled(file, text, new Set()),
        })),
    )
}

function withCalled(file: string, text: string, seen: Set<string>): string {
  const called = [...new Set(text.match(/\b[A-Za-z]\w+(?=[(.<])|\b[A-Z][A-Z_]+\b/g))].flatMap(
    (name) => {
      const found = find(file, name)
      if (found === undefined || seen.has(`${found.file} ${name}`)) return []
      seen.add(`${found.file} ${name}`)
      return [withCalled(found.file, found.text, seen)]
    },
  )
  return [text, ...called].join('\n')
}

/** Where a name that a file uses is declared, among the tests. */
function find(file: string, name: string): { file: string; text: string } | undefined {
  const own = partsOf(file).find((part) => part.name === name)
  if (own !== undefined) return { file, text: own.text }
  const from = importsOf(file).get(name)
  return from === undefined ? undefined : find(from, name)
}

interface Part {
  readonly name: string
  readonly text: string
}

const parts = new Map<string, readonly Part[]>()

/** What stands at the beginning of a line, up to the next that does: the formatter indents all the rest. */
function partsOf(file: string): readonly Part[] {
  const known = parts.get(file)
  if (known !== undefined) return known
  const found = sourceOf(file)
    .split(/^(?=(?:export |async |function |class |const |let |test|describe))/m)
    .map((text) => ({ name: DECLARED.exec(text)?.[1] ?? '', text }))
  parts.set(file, found)
  return found
}

const DECLARED = /^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)/

const imports = new Map<string, ReadonlyMap<string, string>>()

/** The files of tests from which names are imported. */
function importsOf(file: string): ReadonlyMap<string, string> {
  const known = imports.get(file)
  if (known !== undefined) return known
  const found = readImports(file)
  imports.set(file, found)
  return found
}

function readImports(file: string): ReadonlyMap<string, string> {
  const imports = sourceOf(file).matchAll(/^import \{([^}]+)\} from '(\.[^']+)'/gm)
  return new Map(
    [...imports].flatMap(([, names = '', path = '']) => {
      const from = join(dirname(file), path)
      if (!from.startsWith('test/')) return []
      return names
        .split(',')
        .map((name): [string, string] => [name.replace(/^\s*type /, '').trim(), from])
    }),
  )
}

function sourceOf(file: string): string {
  const path = join(PROJECT, file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
