import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Pull, Push } from 'zeromq'
import { needed } from '../environment.ts'

export type ForwarderKind = 'bare' | 'block' | 'arroyopy'

/** A process that carries frames from one address to another, with a socket at either end of it. */
export class Forwarder {
  readonly push = new Push()
  readonly pull = new Pull()
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child
    this.#lines = lines
  }

  static async start(kind: ForwarderKind): Promise<Forwarder> {
    const [from, to] = [address(), address()]
    const [command, ...args] = commandOf(kind)
    const child = spawn(command, [...args, from, to], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const forwarder = new Forwarder(child, lines)
    await forwarder.pull.bind(to)
    if ((await lines.next()).value !== 'ready') throw new Error(`${kind} does not start`)
    forwarder.push.connect(from)
    return forwarder
  }

  /** Sends the frame so often, and resolves once all have come through. */
  async carry(frame: Buffer, count: number): Promise<void> {
    const sending = this.#send(frame, count)
    for (let received = 0; received < count; received += 1) await this.pull.receive()
    await sending
  }

  /** Ends the process; answers the CPU time it took since its start, in ms. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM')
    const { value } = await this.#lines.next()
    this.push.close()
    this.pull.close()
    return Number(value)
  }

  async #send(frame: Buffer, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 1) await this.push.send(frame)
  }
}

function commandOf(kind: ForwarderKind): readonly [string, ...string[]] {
  const script = join(import.meta.dirname, 'forward')
  if (kind === 'arroyopy') return [needed('PYTHON_ARROYO'), `${script}.py`]
  return [process.execPath, '--import', 'tsx', `${script}.ts`, kind]
}

function address(): string {
  return `ipc://${join(tmpdir(), `bench-${randomUUID()}`)}`
}
