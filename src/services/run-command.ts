import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { startTimer } from '../async/timer.ts'
import type { Logger } from '../logger.ts'

interface CommandOptions {
  readonly cwd: string
  readonly timeoutSeconds: number
  readonly log: Logger
  /** A file that what it prints is appended to, besides the log. */
  readonly outputFile?: string | undefined
  /** Ends the command early. */
  readonly signal?: AbortSignal | undefined
}

interface CommandResult {
  readonly command: readonly string[]
  /** Null where a signal ended it. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly runtimeSeconds: number
}

const LONGEST_LINE = 10_000

/** Groups of commands that run now: none outlives this process, unless it is killed. */
const running = new Set<number>()
process.on('exit', () => {
  for (const pid of running) signalGroup(pid, 'SIGKILL')
})

/** Runs a program as a process of its own, logs its lines as they come, and ends it when its time is over. */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const [program = '', ...args] = command
  const startedAt = performance.now()
  const child = spawn(program, args, {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that what it has started ends with it
  })
  const { pid } = child
  if (pid !== undefined) running.add(pid)
  let timedOut = false
  const timer = startTimer(options.timeoutSeconds * 1000, () => {
    timedOut = true
    signalGroup(pid, 'SIGKILL')
  })
  const cancel = (): void => signalGroup(pid, 'SIGTERM')
  options.signal?.addEventListener('abort', cancel)
  const output =
    options.outputFile === undefined ? null : createWriteStream(options.outputFile, { flags: 'a' })
  const lines = [child.stdout, child.stderr].map((stream) => logged(stream, options.log, output))
  try {
    const { exitCode, signal } = await new Promise<Pick<CommandResult, 'exitCode' | 'signal'>>(
      (resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code, name) => resolve({ exitCode: code, signal: name }))
      },
    )
    await Promise.all(lines)
    const runtimeSeconds = (performance.now() - startedAt) / 1000
    return { command, exitCode, signal, timedOut, runtimeSeconds }
  } finally {
    timer.clear()
    options.signal?.removeEventListener('abort', cancel)
    if (pid !== undefined) running.delete(pid)
    await new Promise<void>((resolve) => (output === null ? resolve() : output.end(resolve)))
  }
}

/** A command as its words: it stands in a recipe as a line, or as a list of words. */
export function wordsOf(command: unknown): string[] {
  if (typeof command === 'string') return wordsOfLine(command)
  const isList = Array.isArray(command) && command.length > 0
  if (isList && command.every((word) => typeof word === 'string' || typeof word === 'number')) {
    return command.map(String)
  }
  throw new Error(`${inspect(command)} is no command; expected a line, or a list of words`)
}

/** The words of a command line, as a shell splits them; nothing else of a shell has a meaning. */
function wordsOfLine(line: string): string[] {
  const words = line.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? []
  return words.map((word) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_all, double, single, escaped) =>
      double === undefined ? (single ?? escaped) : double.replaceAll(/\\(["\\$`])/g, '$1'),
    ),
  )
}

/** The time limit of a step. */
export function timeoutOf(given: unknown, otherwise: number): number {
  if (given === undefined || given === null) return otherwise
  const seconds = Number(given)
  if (seconds > 0) return seconds
  throw new Error(`${inspect(given)} is no timeout; expected seconds`)
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}

async function logged(
  stream: Readable,
  log: Logger,
  output: NodeJS.WritableStream | null,
): Promise<void> {
  for await (const line of createInterface({ input: stream })) {
    log.info({ line: line.slice(0, LONGEST_LINE) }, 'output of the command')
    output?.write(`${line}\n`)
  }
}
