import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { freshFolder } from '../cli/fresh-folder.ts'
import { startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'

export const MODULES = join(PROJECT, 'node_modules')

/** The three kinds of package.json that `npm init` and people write. */
export const KINDS = ['commonjs', 'module', undefined] as const

const APP = `import { Config, createApp } from 'celery-toolbox'
import { two } from './two.js'

const config = new Config({ queues: ['export'], broker_url: 'memory://', result_backend: 'memory://' })
export const app = createApp(config)
export const add = app.task('export.add', async (x: number, y: number) => x + y + two - 2)
`

const RUN = `import { add, app } from './app.js'

async function main() {
  const worker = app.worker()
  await worker.start()
  console.log('sum', await (await add.delay(2, 3)).get({ timeoutMs: 10_000 }))
  await worker.stop()
  await app.close()
}
void main()
`

/** A small project with this package in its node_modules, as an application has it. */
export function makeProject(type: string | undefined, modules = MODULES): string {
  const folder = freshFolder()
  write(folder, 'package.json', JSON.stringify({ name: 'app', ...(type && { type }) }))
  write(folder, 'app.ts', APP)
  write(folder, 'two.ts', 'export const two: number = 2\n')
  write(folder, 'run.ts', RUN)
  mkdirSync(join(folder, 'node_modules'))
  if (modules === MODULES) link(folder, 'celery-toolbox', PROJECT)
  else link(folder, 'celery-toolbox', join(modules, 'celery-toolbox'))
  for (const name of ['dotenv', '@types', 'tsx']) link(folder, name, join(MODULES, name))
  return folder
}

/** What the command printed; throws with all of its output where it fails. */
export async function runIn(
  folder: string,
  command: string,
  args: readonly string[],
): Promise<string> {
  // It is awaited here, by hooks too.
  const run = startProcess(command, args, { cwd: folder, isShared: true })
  const { code } = await run.exited
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${run.output}`)
  return run.stdout
}

/** What the bundle of run.ts by esbuild prints. */
export async function bundled(folder: string, format: string): Promise<string> {
  const out = format === 'esm' ? 'out.mjs' : 'out.cjs'
  const flags = ['--bundle', '--platform=node', `--format=${format}`, '--log-level=error']
  await runIn(folder, join(MODULES, '.bin/esbuild'), ['run.ts', ...flags, `--outfile=${out}`])
  return await runIn(folder, process.execPath, [out])
}

export function write(folder: string, file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

function link(folder: string, name: string, target: string): void {
  symlinkSync(target, join(folder, 'node_modules', name))
}
