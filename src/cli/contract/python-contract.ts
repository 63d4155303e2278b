import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { UsageError } from '../../errors.ts'
import { ownFile } from '../../own-package.ts'

/** Tasks by name, each with its arguments and result as a TypeScript type. */
export type Contract = Readonly<Record<string, string>>

const HEAD = `// Written by "celery-toolbox contract pull" from the Python app; "contract check" fails where it is out of date.
export {}

declare module 'celery-toolbox' {
  interface RemoteTasks {
`
const TASK = /^ {4}("(?:[^"\\]|\\.)*"): (\{.*\})$/gm

/** What the app is and where it sends its calls, as read-contract.py names it. */
export interface PythonSettings {
  readonly version: string
  readonly name: string | null
  readonly broker_url: string
  readonly result_backend: string | null
  readonly queue: string
  readonly exchange: string
  readonly exchange_type: string
  readonly queues: readonly string[]
  /** How the default queue is bound and declared, where that can be read. */
  readonly binding_key?: string
  readonly queue_arguments?: Readonly<Record<string, unknown>>
}

export async function readPythonContract(python: string, app: string): Promise<Contract> {
  return (await readPythonApp(python, app)).contract
}

/** Asks the app itself, by a small program that its interpreter runs; nothing is connected. */
export async function readPythonApp(
  python: string,
  app: string,
): Promise<{ readonly contract: Contract; readonly settings: PythonSettings }> {
  const child = spawn(python, [ownFile('src/cli/contract/read-contract.py'), app], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  const failed = once(child, 'error').then(([cause]) => {
    throw new UsageError(`cannot run "${python}": name the interpreter of the app with --python`, {
      cause,
    })
  })
  const [out, complaints] = await Promise.race([
    Promise.all([text(child.stdout), text(child.stderr), ended]),
    failed,
  ])
  const [contract, settings] = [lineOf(out, 'CONTRACT '), lineOf(out, 'SETTINGS ')]
  if (contract !== undefined && settings !== undefined) {
    // As the script writes them.
    return {
      contract: JSON.parse(contract) as Contract,
      settings: JSON.parse(settings) as PythonSettings,
    }
  }
  const reason = complaints.trim().split('\n').at(-1)
  throw new UsageError(`cannot read the tasks of "${app}" with "${python}": ${reason}`)
}

function lineOf(output: string, start: string): string | undefined {
  return output
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
}

export function asDeclarations(contract: Contract): string {
  const tasks = Object.entries(contract).map(
    ([name, type]) => `    ${JSON.stringify(name)}: ${type}\n`,
  )
  return `${HEAD}${tasks.join('')}  }\n}\n`
}

/** The tasks of a file that was written so. */
export function contractIn(declarations: string): Contract {
  const tasks = [...declarations.matchAll(TASK)].map(([, name = '""', type = '']) => [
    JSON.parse(name),
    type,
  ])
  return Object.fromEntries(tasks)
}

/** What has changed, a line for each task. */
export function driftOf(before: Contract, now: Contract): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
  return names.flatMap((name) => {
    if (before[name] === now[name]) return []
    if (before[name] === undefined) return [`${name} is new: ${now[name]}`]
    if (now[name] === undefined) return [`${name} is gone`]
    return [`${name} has changed:\n    was ${before[name]}\n    is  ${now[name]}`]
  })
}
