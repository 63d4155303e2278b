import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { needed } from '../environment.ts'

export type ForwarderKind = 'bare' | 'block' | 'arroyopy'

/** Where frames go in, and where they come out. */
interface Addresses {
  readonly from: string
  readonly to: string
}

/** A process that carries frames from one address to another. */
export class Forwarder {
  readonly from: string
  readonly to: string
  readonly #process: LineProcess

  private constructor(from: string, to: string, process: LineProcess) {
    this.from = from
    this.to = to
    this.#process = process
  }

  static async start(kind: ForwarderKind): Promise<Forwarder> {
    const [from, to] = [address(), address()]
    const [command, ...args] = commandOf(kind)
    const process = new LineProcess(command, [...args, from, to])
    if ((await process.read()) !== 'ready') throw new Error(`${kind} does not start`)
    return new Forwarder(from, to, process)
  }

  /** Ends the process; answers the CPU time it took since its start, in ms. */
  async stop(): Promise<number> {
    this.#process.end()
    return Number(await this.#process.read())
  }
}

/** A sender and a receiver at the two addresses of a forwarder, in a process of their own. */
export class Ends {
  readonly #process: LineProcess

  /** With nothing between them: no forwarder can be faster on as many cores. */
  static joined(): Ends {
    const only = address()
    return new Ends({ from: only, to: only })
  }

  constructor({ from, to }: Addresses) {
    const script = join(import.meta.dirname, 'ends.py')
    this.#process = new LineProcess(needed('PYTHON_ARROYO'), [script, from, to])
  }

  /** Sends that many frames of that many bytes, and answers how many came through a second. */
  async carry(bytes: number, count: number): Promise<number> {
    this.#process.write(`${bytes} ${count}`)
    return Number(await this.#process.read())
  }

  stop(): void {
    this.#process.end()
  }
}

/** A child that answers in lines. */
class LineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  write(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  async read(): Promise<string | undefined> {
    return (await this.#lines.next()).value
  }

  end(): void {
    this.#child.kill('SIGTERM')
  }
}

function commandOf(kind: ForwarderKind): readonly [string, ...string[]] {
  const script = join(import.meta.dirname, 'forward')
  if (kind === 'arroyopy') return [needed('PYTHON_ARROYO'), `${script}.py`]
  return [process.execPath, `${script}.js`, kind]
}

function address(): string {
  return `ipc://${join(tmpdir(), `bench-${randomUUID()}`)}`
}
