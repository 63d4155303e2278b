import { join } from 'node:path'
import { type Process, startProcess } from './processes.ts'
import { PROJECT, service } from './services.ts'

const PYTHON_FOLDER = join(PROJECT, 'test/support/python')

export interface PythonOptions {
  /** `new` (default) is the newest Celery, `old` is Debian's 5.2. */
  readonly python?: 'new' | 'old'
  /** Another one. */
  readonly program?: string | undefined
  /** AMQP_URL, DATABASE_URL or RESULT_BACKEND, QUEUES: see test/support/python/toolbox_app.py. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Several tests share it: for whoever started it to end. */
  readonly isShared?: boolean
}

export interface PythonWorkerOptions extends PythonOptions {
  /** The module that holds the app; default toolbox_app. */
  readonly app?: string
  /** The queues to consume from; default all that the app knows but platform.fifo. */
  readonly queues?: readonly string[]
  /** Default solo: one process, quick to start and to stop. */
  readonly pool?: 'solo' | 'prefork' | 'threads'
  readonly concurrency?: number
  /** More options of `celery worker`. */
  readonly args?: readonly string[]
}

/** Starts a Python Celery worker and waits until it says that it is ready. */
export async function startPythonWorker(options: PythonWorkerOptions = {}): Promise<Process> {
  const { app = 'toolbox_app', pool = 'solo', concurrency, args = [] } = options
  const consumed = options.queues ? ['-Q', options.queues.join(',')] : ['-X', 'platform.fifo'] // that queue is the monitor's
  const slots = concurrency === undefined ? [] : ['-c', String(concurrency)]
  const worker = startPython(
    ['-m', 'celery', '-A', app, 'worker', '-l', 'INFO', '-P', pool, ...consumed, ...slots, ...args],
    options,
  )
  await worker.waitForLine(/ ready\.$/m)
  return worker
}

/** Runs Python code to its end and answers what it printed; `import toolbox_app` works in it. */
export async function runPython(
  code: string,
  options: PythonOptions & { readonly args?: readonly string[] } = {},
): Promise<string> {
  const program = startPython(['-c', code, ...(options.args ?? [])], options)
  const { code: exitCode, signal } = await program.exited
  if (exitCode === 0) return program.stdout
  throw new Error(`python ended with ${exitCode ?? signal}:\n${program.stderr}`)
}

/** As runPython, for code that prints one JSON value. */
export async function runPythonJson<Value>(
  code: string,
  options: PythonOptions & { readonly args?: readonly string[] } = {},
): Promise<Value> {
  return JSON.parse(await runPython(code, options)) as Value // the caller wrote the code that prints it
}

function startPython(
  args: readonly string[],
  { python = 'new', program: given, env = {}, isShared = false }: PythonOptions,
): Process {
  const program = given ?? service(python === 'new' ? 'PYTHON_CELERY' : 'PYTHON_CELERY_OLD')
  return startProcess(program, args, {
    cwd: PYTHON_FOLDER,
    isShared,
    // A root worker that reads pickle is refused by Celery; these apps read JSON, and test machines are often root.
    env: { PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', C_FORCE_ROOT: '1', ...env },
  })
}
