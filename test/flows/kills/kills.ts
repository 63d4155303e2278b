import { type ExecFileException, execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { PROJECT } from '../../support/services.ts'

export interface VictimOptions {
  readonly store: { readonly folder: string } | { readonly url: string }
  readonly kind?: 'serial' | 'parallel'
  /** The last atom fails, so that all are reverted. */
  readonly isFailing?: boolean
}

/** What a process says at its end. */
interface Ending {
  /** Moments at which it could have been killed. */
  readonly steps: number
  readonly end: unknown
}

export interface Ended extends Ending {
  /** "atom execute(values)" and "atom revert", in the order of the calls of all processes. */
  readonly calls: readonly string[]
  readonly kills: number
}

const run = promisify(execFile)
const LIMITS = { timeout: 60_000, killSignal: 'SIGTERM', maxBuffer: 10_000_000 } as const
const VICTIM = join(PROJECT, 'test/flows/kills/victim.mjs')
/** A parallel run has that many atoms under way at the most. */
const MOST_AT_ONCE = { serial: 1, parallel: 5 } as const

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kills-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

/** Runs a flow in one process after another, each killed at the step given for it, until one comes to its end. */
export async function runKilled(options: VictimOptions, kills: Iterable<number>): Promise<Ended> {
  const flowId = randomUUID()
  const effects = join(await folder(), 'effects')
  let killed = 0
  for (const kill of [...kills, undefined]) {
    const ending = await runOnce({ ...options, flowId, effects, kill })
    if (ending === undefined) {
      killed += 1
      continue
    }
    const calls = (await readFile(effects, 'utf8')).split('\n').slice(0, -1)
    return { ...ending, calls, kills: killed }
  }
  throw new Error(`flow ${flowId} has not ended`)
}

/** Undefined where it was killed. */
async function runOnce(options: object): Promise<Ending | undefined> {
  try {
    const { stdout } = await run(process.execPath, [VICTIM, JSON.stringify(options)], LIMITS)
    return JSON.parse(stdout)
  } catch (error) {
    if ((error as ExecFileException).signal === 'SIGKILL') return undefined
    throw error
  }
}

/** What killed processes did otherwise than one that was left alone, and than the documentation promises. */
export function problemsOf(
  killed: Ended,
  whole: Ended,
  { kind = 'serial' }: VictimOptions,
): string[] {
  const problems: string[] = []
  if (JSON.stringify(killed.end) !== JSON.stringify(whole.end)) {
    problems.push(`ends in ${JSON.stringify(killed.end)}`)
  }
  const [counts, wanted] = [countsOf(killed.calls), countsOf(whole.calls)]
  for (const call of new Set([...counts.keys(), ...wanted.keys()])) {
    const [count, least] = [counts.get(call) ?? 0, wanted.get(call) ?? 0]
    if (least === 0 || count < least || count > least + killed.kills) {
      problems.push(`${call}: ${count} times instead of ${least}, with ${killed.kills} kills`)
    }
  }
  const more = killed.calls.length - whole.calls.length
  if (more > killed.kills * MOST_AT_ONCE[kind]) problems.push(`${more} calls too many`)
  const values = killed.calls.flatMap((call) => /^b1 execute\((.*)\)/.exec(call)?.[1] ?? [])
  const tried = values.filter((value, index) => value !== values[index - 1])
  if (tried.join() !== 'first,second,third') problems.push(`values are tried as ${tried}`)
  return problems
}

function countsOf(calls: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1)
  return counts
}
