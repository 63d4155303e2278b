import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'
import { type Process, startCli } from '../../support/processes.ts'
import { waitFor } from '../../support/wait-for.ts'

/** What the rule says: no process is deaf for longer, whatever message comes. */
export const MOST_PAUSE_MS = 1_000

/** As in our image and units (docs/deploy.md), so that what the messages before have left is not in the figures. */
const AS_DEPLOYED = { MALLOC_TRIM_THRESHOLD_: '131072' }

/** A program of ours whose memory, and whose pauses, are watched. */
export class Watched {
  readonly process: Process
  readonly #pauses: string

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-hostile-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    this.#pauses = join(folder, 'pauses')
    const probe = pathToFileURL(join(import.meta.dirname, 'probe.mjs')).href
    this.process = startCli(args, {
      env: { ...env, ...AS_DEPLOYED, PAUSES: this.#pauses, NODE_OPTIONS: `--import=${probe}` },
    })
  }

  /** Forgets what was, and frees what is left of it. */
  async reset(): Promise<void> {
    const whenToCollect = `${this.#pauses}.collect`
    writeFileSync(whenToCollect, '')
    await waitFor('a collection of garbage', () => !existsSync(whenToCollect), {
      deadlineMs: 60_000,
    })
    writeFileSync(`/proc/${this.process.pid}/clear_refs`, '5')
    writeFileSync(this.#pauses, '')
  }

  /** The most memory since then, in megabytes of a million bytes. */
  get mostMb(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8')
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
    if (kilobytes === undefined) throw new Error(`no VmHWM in ${status}`)
    return (Number(kilobytes) * 1024) / 1e6
  }

  /** The longest pause since then. */
  get longestPauseMs(): number {
    if (!existsSync(this.#pauses)) return 0
    return Math.max(0, ...readFileSync(this.#pauses, 'utf8').split('\n').map(Number))
  }
}

/** What a process may take for a message whose body has so many bytes, expanded. */
export function allowedMb(bodyBytes: number): number {
  return 300 + (4 * bodyBytes) / 1e6
}
