import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LeaseLost, StorageFailure } from '../failures/flow-errors.ts'
import { decoded, encoded } from './encoding.ts'
import {
  type Change,
  type FlowStore,
  type StoredSignal,
  type UsedSignal,
  unused,
} from './flow-store.ts'
import { atomOfPlain, type FlowRecord, plainAtom, type StoredFlow } from './records.ts'

interface FileStoreOptions {
  /** Wait for the disk with each transition, so that a power failure loses none. Default true. */
  readonly isSynced?: boolean
}

/**
 * Keeps each flow in a file of its own, a line a transition: a line that was cut off by a crash never happened. The first
 * write of a process shortens the file to one line; reading changes nothing, so that others may look at a flow that runs.
 */
export class FileStore implements FlowStore {
  readonly isEncoded = true
  readonly #folder: string
  readonly #isSynced: boolean
  readonly #files = new Map<string, FileHandle>()
  #writing: Promise<unknown> = Promise.resolve()

  constructor(folder: string, { isSynced = true }: FileStoreOptions = {}) {
    this.#folder = folder
    this.#isSynced = isSynced
  }

  async load(flowId: string): Promise<StoredFlow | undefined> {
    const lines = await linesOf(this.#path(flowId))
    return lines.length === 0 ? undefined : foldedOf(lines)
  }

  async save({ flow, atoms, used, epoch }: Change): Promise<void> {
    const line = lineOf({
      flow,
      atoms: atoms.map(plainAtom),
      ...(used.length > 0 && { used }),
      ...(epoch !== undefined && { epoch }),
    })
    await this.#inTurn(async () => {
      const file = this.#files.get(flow.id) ?? (await this.#open(flow.id, epoch))
      await file.appendFile(line)
      if (this.#isSynced) await file.datasync()
      await this.#noteUsed(flow.id, used)
      if (AT_REST.has(flow.state)) await this.#close(flow.id)
    })
  }

  async list(): Promise<readonly FlowRecord[]> {
    const names = await readdir(this.#folder).catch(noEntries)
    const ids = names
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length))
    const flows = await Promise.all(
      ids.map(async (id) => await linesOf(this.#path(decodeURIComponent(id)))),
    )
    return flows.filter((lines) => lines.length > 0).map((lines) => foldedOf(lines).flow)
  }

  async remove(flowId: string): Promise<void> {
    await this.#close(flowId)
    await rm(this.#path(flowId), { force: true })
    await rm(this.#signalPath(flowId), { force: true })
  }

  async sendSignal(flowId: string, name: string, value: unknown): Promise<void> {
    await this.#noteSignal(flowId, { id: randomUUID(), name, value: value ?? null })
  }

  async signals(flowId: string): Promise<readonly StoredSignal[]> {
    let signals: StoredSignal[] = []
    for (const line of await linesOf(this.#signalPath(flowId))) {
      if ('used' in line) signals = unused(signals, usedIn(line))
      else signals.push(line as unknown as StoredSignal) // sendSignal wrote it
    }
    return signals
  }

  async close(): Promise<void> {
    await this.#writing
    for (const flowId of [...this.#files.keys()]) await this.#close(flowId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What another process still writes goes to the file as it was, which is gone. */
  async #open(flowId: string, epoch: number | undefined): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true })
    const path = this.#path(flowId)
    const lines = await linesOf(path)
    if (lines.length > 0) {
      refuseEarlier(lines, { flowId, epoch })
      // The process before may have died before it noted them.
      await this.#noteUsed(flowId, lines.flatMap(usedIn))
      await this.#shorten(path, lines)
    }
    const file = await open(path, 'a')
    this.#files.set(flowId, file)
    return file
  }

  async #shorten(path: string, lines: readonly Record<string, unknown>[]): Promise<void> {
    const { flow, atoms } = foldedOf(lines)
    const { epoch } = lines.at(-1) ?? {}
    const file = await open(`${path}.new`, 'w')
    try {
      await file.writeFile(
        lineOf({ flow, atoms: atoms.map(plainAtom), ...(epoch !== undefined && { epoch }) }),
      )
      if (this.#isSynced) await file.datasync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
  }

  async #noteUsed(flowId: string, used: readonly UsedSignal[]): Promise<void> {
    if (used.length > 0) await this.#noteSignal(flowId, { used })
  }

  async #noteSignal(flowId: string, entry: object): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const file = await open(this.#signalPath(flowId), 'a')
    try {
      await file.appendFile(lineOf(entry))
      if (this.#isSynced) await file.datasync()
    } finally {
      await file.close()
    }
  }

  async #close(flowId: string): Promise<void> {
    const file = this.#files.get(flowId)
    this.#files.delete(flowId)
    await file?.close()
  }

  /** One write at a time, in the order of the transitions. */
  async #inTurn(write: () => Promise<void>): Promise<void> {
    const writing = this.#writing.catch(() => undefined).then(write)
    this.#writing = writing
    try {
      await writing
    } catch (cause) {
      if (cause instanceof StorageFailure || cause instanceof LeaseLost) throw cause
      throw new StorageFailure(`a flow cannot be written to ${this.#folder}`, { cause })
    }
  }

  #path(flowId: string): string {
    return join(this.#folder, encodeURIComponent(flowId) + SUFFIX)
  }

  #signalPath(flowId: string): string {
    return join(this.#folder, `${encodeURIComponent(flowId)}.signals`)
  }
}

const SUFFIX = '.flow'
/** The file of a flow that runs stays open. */
const AT_REST: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVERTED', 'SUSPENDED'])

/** The whole lines of a file: a last one without its end was cut off. */
async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new StorageFailure(`a flow cannot be read from ${path}`, { cause: error })
  })
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => decoded(line) as Record<string, unknown>) // we wrote it
}

function lineOf(entry: object): string {
  return `${encoded(entry)}\n`
}

/** A run that has passed to another is not written by the one before. */
function refuseEarlier(
  lines: readonly Record<string, unknown>[],
  { flowId, epoch }: { readonly flowId: string; readonly epoch: number | undefined },
): void {
  const stored = lines.at(-1)?.epoch
  if (epoch !== undefined && typeof stored === 'number' && stored > epoch)
    throw new LeaseLost(`flow ${flowId} is run by another process since`)
}

function usedIn({ used = [] }: Readonly<Record<string, unknown>>): readonly UsedSignal[] {
  return used as readonly UsedSignal[] // save and noteUsed wrote it
}

function foldedOf(lines: readonly Record<string, unknown>[]): StoredFlow {
  const atoms = new Map<string, Record<string, unknown>>()
  for (const { atoms: changed } of lines) {
    for (const atom of changed as Record<string, unknown>[]) atoms.set(String(atom.name), atom)
  }
  const { flow } = lines.at(-1) as { flow: FlowRecord } // save wrote it
  return { flow, atoms: [...atoms.values()].map(atomOfPlain) }
}

function noEntries(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return []
  throw error
}
