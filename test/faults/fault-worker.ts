import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Servers } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'

/** What the tasks of fault-app have done, in whichever process. */
export class Effects {
  /** For files of the test's own. */
  readonly folder: string
  readonly file: string

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-faults-'))
    this.file = join(this.folder, 'effects')
    onTestFinished(() => rmSync(this.folder, { recursive: true }))
  }

  /** The numbers of the tasks that have started, or ended; each once, however often it did. */
  of(what: 'start' | 'end'): ReadonlySet<number> {
    return new Set(this.#lines(what))
  }

  /** How often tasks have started, or ended. */
  count(what: 'start' | 'end'): number {
    return this.#lines(what).length
  }

  #lines(what: 'start' | 'end'): number[] {
    if (!existsSync(this.file)) return []
    const lines = readFileSync(this.file, 'utf8').split('\n')
    return lines
      .filter((line) => line.startsWith(`${what} `))
      .map((line) => Number(line.split(' ')[1]))
  }
}

/** `celery-toolbox worker` with the tasks of fault-app, once it consumes. */
export async function startFaultWorker(
  servers: Pick<Servers, 'env'>,
  effects: Effects,
  {
    concurrency = 10,
    env = {},
  }: {
    readonly concurrency?: number
    readonly env?: Readonly<Record<string, string>>
  } = {},
): Promise<Process> {
  const app = join(import.meta.dirname, 'fault-app.ts')
  const worker = startCli(['worker', '-A', app, '-Q', 'fault', '-c', String(concurrency)], {
    env: { ...servers.env, EFFECTS: effects.file, ...env },
  })
  await worker.waitForLine(/worker ready/)
  return worker
}
