import { readFile, rename, writeFile } from 'node:fs/promises'
import { decodeJson, encodeJson } from '../codecs/json/json.ts'
import { ConfigError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { isRecord } from '../protocol/field-readers.ts'
import type { RevokedRecord, RevokedTasks } from './revoked-tasks.ts'

/** Says whose file it is, so that no other is written over. */
const FORMAT = 'celery-toolbox revoked tasks 1'

/** A file that remembers revoked tasks while no worker runs (Celery's `--statedb`, in a form of ours). */
export class RevokedFile {
  readonly #path: string
  readonly #revoked: RevokedTasks
  readonly #logger: Logger
  #writing: Promise<void> | undefined
  #isChanged = false

  constructor(path: string, revoked: RevokedTasks, logger: Logger) {
    this.#path = path
    this.#revoked = revoked
    this.#logger = logger
  }

  /** Reads what was written before. Throws ConfigError where the file is not one of ours. */
  async load(): Promise<void> {
    const text = await this.#read()
    if (text !== undefined) this.#revoked.merge(recordIn(text, this.#path))
  }

  /** Resolves once what is revoked now is in the file; a file that cannot be written is logged. */
  async save(): Promise<void> {
    this.#isChanged = true
    this.#writing ??= this.#writeAll()
    await this.#writing
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw unusable(this.#path, String(cause), cause)
    }
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#isChanged) {
        this.#isChanged = false
        await this.#write()
      }
    } catch (error) {
      this.#logger.error(
        { file: this.#path, err: error },
        'cannot write the file of revoked tasks: after a restart this worker may run them',
      )
    } finally {
      this.#writing = undefined
    }
  }

  /** Beside it first: a crash leaves the old file or the new one. */
  async #write(): Promise<void> {
    const beside = `${this.#path}.${process.pid}.tmp`
    const { tasks, stamps } = this.#revoked.record()
    await writeFile(beside, encodeJson({ format: FORMAT, tasks, stamps }))
    await rename(beside, this.#path)
  }
}

function recordIn(text: string, path: string): RevokedRecord {
  const value = parsed(text)
  if (value?.format !== FORMAT) throw unusable(path, 'it is not a file of revoked tasks')
  const { tasks, stamps } = value
  const isWhole = Array.isArray(tasks) && typeof stamps === 'object' && stamps !== null
  if (!isWhole) throw unusable(path, 'it is damaged')
  return {
    tasks: tasks.filter(isEntry),
    stamps: Object.fromEntries(
      Object.entries(stamps).filter(([, values]) => Array.isArray(values)),
    ),
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = decodeJson(text, { plainObjects: true })
    return isRecord(value) ? value : undefined
  } catch {
    // The caller says which file it is.
    return undefined
  }
}

function isEntry(value: unknown): value is readonly [string, number] {
  return Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number'
}

function unusable(path: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError(
    [`worker_state_db is "${path}": ${why}; expected a file this toolbox wrote, or none`],
    { cause },
  )
}
