import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EntitySchema } from 'typeorm'
import { expect, onTestFinished, test } from 'vitest'
import { freshServers, liveApp } from '../support/live-app.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { PROJECT } from '../support/services.ts'
import { recordHistory } from './history.ts'

/** What the pages leave out, as a program of one's own has it. */
const GIVEN = `
import type { EntitySchema } from 'typeorm'
import type { CeleryApp } from 'celery-toolbox'
import type { Database } from 'celery-toolbox/monitor'

interface Given {
  readonly app: CeleryApp
  readonly database: Database
  readonly url: string
  readonly mine: readonly EntitySchema[]
  readonly taskId: string
}
`

const SNIPPETS = ['monitor', 'replay', 'database'].flatMap((page) =>
  [...pageOf(page).matchAll(/```ts\n(.*?)\n```/gs)].map((match, at) => ({
    title: `docs/${page}.md, snippet ${at + 1}`,
    code: match[1] ?? '',
  })),
)

test('the TypeScript of docs/monitor.md, replay.md and database.md compiles', () => {
  const folder = freshFolder()
  for (const [at, { code }] of SNIPPETS.entries())
    writeFileSync(join(folder, `snippet-${at}.ts`), moduleOf(code))
  const options = { noUnusedLocals: false, noUnusedParameters: false }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../tsconfig.json', compilerOptions: options, include: ['*.ts'] }),
  )
  const tsc = join(PROJECT, 'node_modules/.bin/tsc')
  const { stdout } = spawnSync(tsc, ['--noEmit', '-p', folder], { encoding: 'utf8' })
  expect(stdout).toBe('')
}, 120_000)

test.each(SNIPPETS)('$title runs', async ({ code }) => {
  const { database } = await recordHistory()
  const servers = await freshServers(['export'])
  const url = await migratedDatabase()
  const app = liveApp(servers)
  const broker = app.broker()
  await broker.declare(app.config.topology())
  const file = join(freshFolder(), 'snippet.ts')
  // The pages name servers that are not there.
  const here = code
    .replaceAll(/'postgresql:\/\/[^']*'/g, 'given.url')
    .replaceAll("createApp(new Config({ queues: ['export'] }))", 'given.app')
  writeFileSync(file, moduleOf(here))
  const { run } = (await import(/* @vite-ignore */ file)) as {
    run: (given: unknown) => Promise<void>
  }
  const Note = new EntitySchema<{ id: number }>({
    name: 'Task',
    tableName: 'note',
    columns: { id: { type: Number, primary: true, generated: true } },
  })
  await expect(run({ app, database, url, mine: [Note], taskId: 'root' })).resolves.toBeUndefined()
})

/** Its imports first, and the rest in a function that is given what the page leaves out. */
function moduleOf(code: string): string {
  const lines = code.split('\n')
  const imports = lines.filter((line) => line.startsWith('import '))
  const rest = lines.filter((line) => !line.startsWith('import '))
  const own = new Set(code.match(/(?<=const |using )\w+/g) ?? [])
  const names = ['app', 'database', 'url', 'mine', 'taskId'].filter((name) => !own.has(name))
  return [
    GIVEN,
    ...imports,
    'export async function run(given: Given): Promise<void> {',
    `const { ${names.join(', ')} } = given`,
    ...rest,
    closing(own),
    '}',
  ].join('\n')
}

function closing(own: ReadonlySet<string>): string {
  return own.has('source') ? 'await source.destroy()' : ''
}

function pageOf(name: string): string {
  return readFileSync(join(PROJECT, `docs/${name}.md`), 'utf8')
}

/** Inside the project, where its packages are found. */
function freshFolder(): string {
  const folder = mkdtempSync(join(PROJECT, '.snippets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}
