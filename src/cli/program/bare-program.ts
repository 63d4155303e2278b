import type { Command } from 'commander'
import { version } from '../../own-package.ts'
import { FittedCommand } from './fitted-help.ts'

export type AddCommand = (program: Command) => void

const AFTER_HELP = `
Exit codes: 0 done, 1 the work failed, 2 usage or configuration.
Settings come from the app (-A), the environment (CELERY_<NAME>) and .env; "config show" lists them.
"celery-toolbox help COMMAND" has examples.`

/** The program with these commands. */
export function programWith(commands: readonly AddCommand[]): Command {
  const program = new FittedCommand('celery-toolbox')
    .description('Workers, producers and a monitor for Celery')
    .option('-A, --app <file>', 'the app: a file, a folder or a package that exports it')
    .option('-b, --broker <url>', 'instead of the setting broker_url')
    .option('--result-backend <url>', 'instead of the setting result_backend')
    .option('--debug', 'print stack traces and debug logs')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', AFTER_HELP)
    .configureHelp({
      showGlobalOptions: true,
      // Their arguments are in the help of each.
      subcommandTerm: (command) => command.name(),
      minWidthToWrap: 20,
    })
    .exitOverride()
  for (const add of commands) add(program)
  return program
}
