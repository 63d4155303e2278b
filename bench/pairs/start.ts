import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { median } from '../measure.ts'

const execute = promisify(execFile)

/** Of each sample, as one start takes some milliseconds more or less than the next. */
const STARTS = 5

/** What runs from the start of a process, by kind: arguments of Node, after those that make it tell its CPU time. */
export const STARTED: Readonly<Record<string, (build: string) => readonly string[]>> = {
  import: (build) => ['--input-type=module', '-e', `await import('${index(build)}')`],
  command: (build) => [join(build, 'dist/src/cli/main.js'), 'config', 'show'],
  start: (build) => ['--input-type=module', '-e', workerOf(index(build))],
}

/** As the last thing, however the process ends. */
const TELLS_CPU = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs'
  process.on('exit', () => {
    const { user, system } = process.cpuUsage()
    writeSync(2, '\\ncpu ' + (user + system) + '\\n')
  })`)}`

/** Milliseconds of CPU that a process of this build takes, from its start to its end. */
export async function cpuOfStart(
  build: string,
  kind: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const args = ['--import', TELLS_CPU, ...(STARTED[kind]?.(build) ?? [])]
  const samples: number[] = []
  for (let start = 0; start < STARTS; start += 1) {
    const { stderr } = await execute(process.execPath, args, { env: { ...process.env, ...env } })
    samples.push(Number(/^cpu (\d+)$/m.exec(stderr)?.[1]) / 1000)
  }
  return median(samples)
}

function index(build: string): string {
  return join(build, 'dist/src/index.js')
}

/** A worker with a task, until it is ready. */
function workerOf(file: string): string {
  return `
    const { Config, createApp } = await import('${file}')
    const app = createApp(new Config({ queues: ['export'], result_backend: 'disabled://', dotenv: false }))
    app.task('export.add', (x, y) => x + y)
    await app.worker({ queues: ['export'], concurrency: 4 }).start()
    process.exit()`
}
