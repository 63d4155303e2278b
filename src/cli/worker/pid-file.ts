import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { UsageError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'

/** The file that holds the id of this process, as Celery's `--pidfile`; deleted when it is disposed of. */
export class PidFile implements Disposable {
  readonly #path: string

  /** Throws `UsageError` where another process that runs holds the file, or it cannot be written. */
  constructor(path: string) {
    const holder = holderOf(path)
    if (holder !== undefined && isRunning(holder)) {
      throw new UsageError(
        `--pidfile: ${path} belongs to process ${holder}, which is running: stop it, or name another file`,
      )
    }
    try {
      writeFileSync(path, `${process.pid}\n`)
    } catch (cause) {
      const why = textOfError(cause)
      throw new UsageError(`--pidfile: ${path} cannot be written: ${why}`, { cause })
    }
    this.#path = path
  }

  [Symbol.dispose](): void {
    if (holderOf(this.#path) === process.pid) rmSync(this.#path, { force: true })
  }
}

/** Undefined where there is no file, or no process id in it. */
function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, and is another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
