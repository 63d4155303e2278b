import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'vitest'
import {
  type CallOptions,
  type CeleryApp,
  type Signature,
  TaskFailedError,
} from '../../src/index.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Column } from './features.ts'
import type { MatrixServers } from './matrix-servers.ts'
import { TYPED } from './node-tasks.ts'

/** All rows of a column run at once, on a machine that others use, too. */
export const PATIENCE_MS = 100_000
export const WAIT = { timeoutMs: PATIENCE_MS, intervalMs: 100 }

/** One row of the matrix: Node calls. */
export type NodeCase = (place: NodePlace) => Promise<void>

/** What cases of Node use: the app, and short forms of what they do most. */
export interface NodePlace {
  readonly app: CeleryApp
  readonly column: Column
  readonly typed: { readonly task: string; readonly fromPython: unknown; readonly ours: unknown }
  /** A file that is not there yet. */
  path(): string
  sig(name: string, ...args: readonly unknown[]): Signature
  si(name: string, ...args: readonly unknown[]): Signature
  call(...call: Call): Promise<unknown>
  failure(...call: Call): Promise<unknown>
  value(signature: Signature): Promise<unknown>
  failureOf(signature: Signature): Promise<unknown>
  /** Proves that a result goes away by itself, or by celery.backend_cleanup. */
  expires(taskId: string): Promise<void>
}

type Call = readonly [
  name: string,
  args?: readonly unknown[],
  kwargs?: Readonly<Record<string, unknown>>,
  options?: CallOptions,
]

export function nodePlace(app: CeleryApp, servers: MatrixServers, column: Column): NodePlace {
  const sig = (name: string, ...args: readonly unknown[]) => app.signature(name, args)
  const value = async (signature: Signature) => (await signature.applyAsync()).get(WAIT)
  const call = async (...[name, args, kwargs, options]: Call) =>
    (await app.sendTask(name, args, kwargs, options)).get(WAIT)
  return {
    app,
    column,
    typed: {
      task: knowsTypes(column) ? 'python.typed' : 'python.typed_as_text',
      fromPython: knowsTypes(column) ? TYPED : TYPED_AS_TEXT,
      ours: TYPED,
    },
    path: () => join(servers.folder, randomUUID()),
    sig,
    si: (name, ...args) => app.signature(name, args, {}, { isImmutable: true }),
    call,
    failure: (...given) => failureOf(call(...given)),
    value,
    failureOf: (signature) => failureOf(value(signature)),
    expires: async (taskId) => {
      if (column.backend === 'redis') await servers.expectTimeToLive(taskId)
      else if (column.backend === 'rpc') await servers.expectExpiringQueue(app.replyTo)
      else {
        await servers.makeOld(taskId)
        await app.sendTask('celery.backend_cleanup')
        await waitFor(
          'the old result to go',
          async () => (await app.asyncResult(taskId).status()) === 'PENDING',
          { deadlineMs: PATIENCE_MS },
        )
      }
    },
  }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TaskFailedError)
  return error
}

/** Celery 5.2 pickles its results into PostgreSQL; the JSON that it writes elsewhere knows no types but JSON's own. */
function knowsTypes({ python, backend }: Column): boolean {
  return python === 'new' || backend === 'postgresql'
}

const TYPED_AS_TEXT = {
  big: 2n ** 70n,
  date: '2024-02-29T00:00:00',
  datetime: '2024-02-29T12:30:15.123456Z',
  decimal: '1.10',
  time: '12:30:15',
  uuid: '12345678-1234-5678-1234-567812345678',
}
