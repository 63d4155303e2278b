import { type Command, CommanderError } from 'commander'
import { exitCodeOf, reportFailure } from './failure.ts'
import { likePython } from './zocalo/python-arguments.ts'

/** Runs one command line; resolves with the exit code: 0 done, 1 the work failed, 2 usage or configuration. */
export async function runProgram(args: readonly string[], program: Command): Promise<number> {
  try {
    await program.parseAsync(likePython(args, program), { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // Commander has written its own message; help and version are no failures.
    if (error instanceof CommanderError) return isHelp(error, args) ? 0 : 2
    reportFailure(error, { withStack: program.opts().debug === true })
    return exitCodeOf(error)
  }
}

/** `celery-toolbox` alone shows the help too, but did nothing that was asked for. */
function isHelp(error: CommanderError, args: readonly string[]): boolean {
  if (error.code === 'commander.help') return args.includes('help')
  return error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
}
