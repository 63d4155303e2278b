import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { Servers } from '../support/live-app.ts'
import type { Process } from '../support/processes.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { type SharedServers, sharedServers } from '../support/shared-servers.ts'

export type PythonVersion = 'new' | 'old'

/** The newest Celery, and Debian's 5.2. */
export const PYTHONS: readonly PythonVersion[] = ['new', 'old']

const PYTHONPATH = join(import.meta.dirname, 'python')

/** What the code below can use: `send`, `get`, `shown`, and everything that toolbox_app has. */
const PREAMBLE = `
import datetime, decimal, json, sys, uuid
import toolbox_app, interop_app
from celery import chain, chord, group, signature
app = toolbox_app.setup()
send = app.send_task

def get(result):
    return result.get(timeout=20, interval=0.02)

def failure(result):
    try:
        get(result)
    except Exception as error:
        return {'type': type(error).__name__, 'args': list(error.args), 'traceback': result.traceback}

def shown(value):
    """Each value with its type, as JSON cannot tell 1 from 1.0 or a tuple from a list."""
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    return f'{type(value).__name__} {value!r}'
`

/** Runs Python code on the servers that `env` names and answers the JSON value of the expression that ends it. */
export async function askPython<Value>(
  python: PythonVersion,
  env: Readonly<Record<string, string>>,
  { code = '', answer }: { readonly code?: string; readonly answer: string },
): Promise<Value> {
  const program = `${PREAMBLE}\n${code}\nprint(json.dumps(${answer}))`
  return await runPythonJson<Value>(program, { python, env: { ...env, PYTHONPATH } })
}

/** Servers and a worker of interop_app that the tests of a file share: they take longer to start than most tests last. */
export function sharedWorker(
  python: PythonVersion,
  queues?: readonly string[],
): { readonly servers: Servers } {
  let servers: SharedServers | undefined
  let worker: Process | undefined
  beforeAll(async () => {
    servers = await sharedServers()
    worker = await startWorkerOf(python, { servers, queues, isShared: true })
  })
  afterAll(async () => {
    await worker?.stop('SIGKILL')
    await servers?.remove()
  })
  return {
    get servers() {
      if (servers === undefined) throw new Error('the servers of this file did not start')
      return servers
    },
  }
}

/**
 * A worker of interop_app: toolbox_app and more. It looks for no other workers, and is killed in the end, as finding
 * none would take it a second, and saying goodbye two.
 */
export async function startInteropWorker(
  python: PythonVersion,
  servers: Servers,
  queues?: readonly string[],
): Promise<Process> {
  const worker = await startWorkerOf(python, { servers, queues, isShared: false })
  onTestFinished(async () => {
    await worker.stop('SIGKILL')
  })
  return worker
}

interface WorkerPlace {
  readonly servers: Servers
  readonly queues: readonly string[] | undefined
  readonly isShared: boolean
}

async function startWorkerOf(
  python: PythonVersion,
  { servers, queues, isShared }: WorkerPlace,
): Promise<Process> {
  return await startPythonWorker({
    python,
    isShared,
    env: { ...servers.env, PYTHONPATH },
    app: 'interop_app',
    args: ['--without-mingle', '--without-gossip'],
    ...(queues !== undefined && { queues }),
  })
}
