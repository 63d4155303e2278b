import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFailed, onTestFinished } from 'vitest'
import { PROJECT } from './services.ts'
import { waitFor } from './wait-for.ts'

const STOP_DEADLINE_MS = 15_000

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface StartOptions {
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Written to its standard input, which is then closed. */
  readonly input?: string
  /** Several tests share it: for whoever started it to end. */
  readonly isShared?: boolean
}

/** A process of a test's own: ended, with all its children, when the test has finished; its output shown if it failed. */
export interface Process {
  readonly pid: number
  /** Settles when the process has ended and all its output has been read. */
  readonly exited: Promise<Exit>
  /** Standard output and standard error so far, in the order they came. */
  readonly output: string
  readonly stdout: string
  readonly stderr: string
  /** Waits for a line that matches and answers the match; throws where the process ends without it. */
  waitForLine(pattern: RegExp, options?: { deadlineMs?: number }): Promise<RegExpMatchArray>
  kill(signal: NodeJS.Signals): void
  /** Sends the signal (SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
}

/** Starts `celery-toolbox` as users do: the built program, in a process of its own. */
export function startCli(args: readonly string[], options: StartOptions = {}): Process {
  return startProcess(process.execPath, [join(PROJECT, 'dist/src/cli/main.js'), ...args], options)
}

/** Runs `celery-toolbox` to its end. */
export async function runCli(
  args: readonly string[],
  options: StartOptions = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const started = startCli(args, options)
  const exit = await started.exited
  return { ...exit, stdout: started.stdout, stderr: started.stderr }
}

export function startProcess(
  command: string,
  args: readonly string[],
  { env = {}, cwd = PROJECT, input = '', isShared = false }: StartOptions = {},
): Process {
  // In a group of its own, so that a pool's children can be ended with it.
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true })
  const running = new RunningProcess(child, [command, ...args].join(' '))
  child.stdin.on('error', () => undefined) // it ended without reading: its exit says why
  child.stdin.end(input)
  if (isShared) return running
  onTestFailed(() => console.error(`--- ${running.title}\n${running.output}`))
  onTestFinished(() => running.end())
  return running
}

class RunningProcess implements Process {
  readonly title: string
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  #chunks: { readonly stream: 'stdout' | 'stderr'; readonly text: string }[] = []
  #exit: Exit | undefined
  #failure: Error | undefined

  constructor(child: ChildProcess, title: string) {
    this.#child = child
    this.title = title
    this.#collect('stdout')
    this.#collect('stderr')
    child.once('error', (cause) => {
      this.#failure = cause
    })
    this.exited = once(child, 'close').then(([code, signal]: unknown[]) => {
      this.#exit = { code, signal } as Exit // as Node documents the arguments of "close"
      process.removeListener('exit', this.#killGroup)
      return this.#exit
    })
    this.exited.catch(() => undefined) // never started: waitForLine and pid tell
    process.once('exit', this.#killGroup)
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) {
      throw new Error(`${this.title} did not start`, { cause: this.#failure })
    }
    return pid
  }

  get output(): string {
    return this.#chunks.map(({ text }) => text).join('')
  }

  get stdout(): string {
    return this.#textOf('stdout')
  }

  get stderr(): string {
    return this.#textOf('stderr')
  }

  async waitForLine(
    pattern: RegExp,
    { deadlineMs = 30_000 }: { deadlineMs?: number } = {},
  ): Promise<RegExpMatchArray> {
    const found = await waitFor(
      `"${pattern}" in the output of ${this.title}`,
      () => this.output.match(pattern) ?? this.#isOver(),
      { deadlineMs },
    )
    if (found !== true) return found
    const last = this.output.match(pattern)
    if (last) return last
    throw new Error(
      `${this.title} ended (${JSON.stringify(this.#exit)}) without a line like ${pattern}:\n${this.output}`,
      { cause: this.#failure },
    )
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (!this.#isOver()) this.kill(signal)
    return await this.exited
  }

  /** Leaves nothing running: asks first, so that it can finish and log, then ends the whole group. */
  async end(): Promise<void> {
    process.removeListener('exit', this.#killGroup)
    if (this.#isOver()) return this.#killGroup()
    this.kill('SIGTERM')
    const insist = setTimeout(this.#killGroup, STOP_DEADLINE_MS)
    await this.exited
    clearTimeout(insist)
    this.#killGroup()
  }

  #isOver(): boolean {
    return this.#exit !== undefined || this.#failure !== undefined
  }

  #killGroup = (): void => {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // no process of the group is left
    }
  }

  #collect(stream: 'stdout' | 'stderr'): void {
    this.#child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      this.#chunks.push({ stream, text })
    })
  }

  #textOf(wanted: 'stdout' | 'stderr'): string {
    return this.#chunks
      .filter(({ stream }) => stream === wanted)
      .map(({ text }) => text)
      .join('')
  }
}
