import { Worker, type WorkerOptions } from 'node:worker_threads'
import { type Child, type ChildExit, type ChildOptions, isFromChild } from './child.ts'

/** Room beside what is measured, so that a task in a thread that has too much can come to its end. */
const HEADROOM = 2

/** Starts a thread that loads the app and runs its tasks. */
export function startThreadChild({
  program,
  module,
  onMessage,
  onUnreadable,
  maxMemoryKb,
}: ChildOptions): Child {
  const limits = maxMemoryKb === null ? {} : { resourceLimits: limitsOf(maxMemoryKb) }
  const thread = startWorker(program, { workerData: { module }, ...limits })
  thread.on('message', (message: unknown) => {
    if (isFromChild(message)) onMessage(message)
  })
  // A thread has more stack than this process, and can write more levels than can be read here.
  thread.on('messageerror', onUnreadable)
  return {
    pid: process.pid,
    exited: exitOf(thread),
    send: (message) => thread.postMessage(message),
    kill: () => void thread.terminate(),
  }
}

async function exitOf(thread: Worker): Promise<ChildExit> {
  let died: { readonly error: unknown } | undefined
  thread.once('error', (error) => {
    died = { error }
  })
  const code = await new Promise<number>((resolve) => {
    thread.once('exit', resolve)
  })
  return { status: `exitcode ${code}`, ...died }
}

function limitsOf(maxMemoryKb: number): { readonly maxOldGenerationSizeMb: number } {
  return { maxOldGenerationSizeMb: Math.ceil((maxMemoryKb * HEADROOM) / 1_024) }
}

/** Tests run the sources as they are, and Node 20 reads no TypeScript by itself. */
function startWorker(program: URL, options: WorkerOptions): Worker {
  if (!program.pathname.endsWith('.ts')) return new Worker(program, options)
  const start = `import('tsx/esm/api').then((tsx) => tsx.register()).then(() => import(${JSON.stringify(program.href)}))`
  return new Worker(start, { ...options, eval: true })
}
