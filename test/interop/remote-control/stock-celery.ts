import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Deferred, deferred } from '../../../src/async/deferred.ts'
import { PROJECT, service } from '../../support/services.ts'
import type { PythonVersion } from '../ask-python.ts'

export interface Ended {
  readonly code: number
  readonly output: string
}

/** Stock `celery` as a command line, in one process for all that is asked of it: to start one takes a second. */
export interface StockCelery {
  run(...args: readonly string[]): Promise<Ended>
  /** What it prints with --json. */
  json(...args: readonly string[]): Promise<unknown>
  close(): Promise<void>
}

export async function startStockCelery(
  python: PythonVersion,
  env: Readonly<Record<string, string>>,
): Promise<StockCelery> {
  const program = service(python === 'new' ? 'PYTHON_CELERY' : 'PYTHON_CELERY_OLD')
  const child = spawn(program, ['-u', join(import.meta.dirname, 'python/ask.py')], {
    env: {
      ...process.env,
      ...env,
      PYTHONPATH: join(PROJECT, 'test/support/python'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString()
  })
  const exited = once(child, 'close')
  const ready = deferred()
  const waiting = new Map<number, Deferred<Ended>>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as Ended & { readonly id?: number }
    if (said.id === undefined) ready.resolve()
    else waiting.get(said.id)?.resolve(said)
  })
  const lost = exited.then(() => {
    throw new Error(`stock celery has ended:\n${errors}`)
  })
  lost.catch(() => undefined) // whoever waits for it hears of it
  await Promise.race([ready.promise, lost])
  let asked = 0
  const run = async (...args: readonly string[]): Promise<Ended> => {
    asked += 1
    const end = deferred<Ended>()
    waiting.set(asked, end)
    child.stdin.write(`${JSON.stringify({ id: asked, args })}\n`)
    return await Promise.race([end.promise, lost])
  }
  return {
    run,
    json: async (...args) => {
      const { output } = await run(...args, '--json')
      return JSON.parse(output.slice(output.search(/[[{]/)))
    },
    close: async () => {
      child.stdin.end()
      await exited
    },
  }
}
