import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { loadApp } from './cli/app/load-app.ts'
import { toBorder } from './worker/pools/children/border-values.ts'
import { becomeChild } from './worker/pools/children/in-child.ts'
import type { ChildPort, FromChild, ToChild } from './worker/pools/children/messages.ts'

// The program of a pool's children, threads and processes alike: loads the app, and runs what the worker sends.

/** The worker ends its children; signals that reach the whole group (Ctrl-C, systemd) are for the worker alone. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const

const module = isMainThread ? process.argv[2] : workerData?.module
const port = isMainThread ? processPort() : threadPort()

becomeChild()
hushWarnings()
await serve()

async function serve(): Promise<void> {
  try {
    const app = await loadApp(String(module))
    await app.serve(port)
  } catch (error) {
    port.send({ kind: 'unfit', error: toBorder(error) })
  }
  end()
}

function processPort(): ChildPort {
  for (const signal of SIGNALS) process.on(signal, () => undefined)
  // The worker is gone, so no caller waits for the outcome.
  process.on('disconnect', () => process.exit(0))
  return {
    send: (message: FromChild) => void process.send?.(message),
    onMessage: (listener) => void process.on('message', (message: ToChild) => listener(message)),
  }
}

function threadPort(): ChildPort {
  return {
    send: (message: FromChild) => parentPort?.postMessage(message),
    onMessage: (listener) => void parentPort?.on('message', listener),
  }
}

/** An app's own connections and timers would keep it alive; what was sent is sent. */
function end(): void {
  if (isMainThread && process.connected) process.disconnect()
  else process.exit(0)
}

/** The worker has given the warnings of the app's config already. */
function hushWarnings(): void {
  const { emitWarning } = process
  process.emitWarning = (warning: string | Error, ...rest: readonly unknown[]) => {
    if (JSON.stringify(rest).includes('CeleryToolboxWarning')) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }
}
