import { resolve } from 'node:path'
import { sleep } from '../async/sleep.ts'
import { type Dict, isDict, itemAtKey } from '../codecs/ordered-dict.ts'
import { BaseWrapper, type WrapperClass } from '../recipes/index.ts'
import type { PackageParts } from './package-parts.ts'
import { runCommand, timeoutOf, wordsOf } from './run-command.ts'

const HALF_MS = 10_000

/** Does nothing for twenty seconds. */
class DummyWrapper extends BaseWrapper {
  override async run(): Promise<boolean> {
    this.log.info('this is a dummy wrapper, it does nothing for 20 seconds')
    await sleep(HALF_MS, this.signal)
    this.statusTask?.(' (still running)')
    await sleep(HALF_MS, this.signal)
    return true
  }

  /** Adds to the name of the task in status broadcasts. */
  statusTask: ((suffix: string) => void) | undefined
}

const TIMEOUT_SECONDS = 3600

/**
 * Runs the command line of a step as a process: `command`, or several `commands`, `workingdir`, `timeout` in seconds, from its
 * `job_parameters` or `parameters`. Its lines are logged as they come; its end goes to the output `updates`.
 */
class CommandWrapper extends BaseWrapper {
  override async run(): Promise<boolean> {
    const step = this.recwrap?.recipeStep ?? {}
    const parameters = [itemAtKey(step, 'job_parameters'), itemAtKey(step, 'parameters')].find(
      isDict,
    )
    const commands = parameters === undefined ? [] : commandsOf(parameters)
    if (parameters === undefined || commands.length === 0) {
      throw new Error('the step has no command to run; expected "command" in its job_parameters')
    }
    const cwd = resolve(
      String(itemAtKey(parameters, 'workingdir') ?? itemAtKey(parameters, 'cwd') ?? '.'),
    )
    const timeoutSeconds = timeoutOf(itemAtKey(parameters, 'timeout'), TIMEOUT_SECONDS)
    const { log, signal } = this
    for (const command of commands) {
      const result = await runCommand(command, { cwd, timeoutSeconds, log, signal })
      await this.update(result)
      if (result.exitCode !== 0) {
        this.log.error({ ...result }, 'the command failed')
        return false
      }
    }
    return true
  }
}

function commandsOf(parameters: Dict): string[][] {
  const given = itemAtKey(parameters, 'commands')
  const commands = Array.isArray(given) ? given : [given ?? itemAtKey(parameters, 'command')]
  return commands.filter((command) => command !== undefined && command !== null).map(wordsOf)
}

const OWN: Readonly<Record<string, WrapperClass>> = { command: CommandWrapper, dummy: DummyWrapper }

export function wrapperNames({ wrappers }: PackageParts): string[] {
  return [...new Set([...Object.keys(OWN), ...Object.keys(wrappers)])].sort()
}

export async function loadWrapper(name: string, { wrappers }: PackageParts): Promise<WrapperClass> {
  const own = wrappers[name]
  const loaded = own === undefined ? OWN[name] : await own()
  if (typeof loaded === 'function') return loaded as WrapperClass // a class, as package.json says
  throw new Error(`the wrapper ${name} is not a class; expected one that extends BaseWrapper`)
}
