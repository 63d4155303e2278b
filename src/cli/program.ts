import { Command } from 'commander'
import { version } from '../version.ts'
import { addCall } from './call.ts'
import { addConductor } from './conductor.ts'
import { addConfig } from './config.ts'
import { addDev } from './dev.ts'
import { addDoctor } from './doctor.ts'
import { addFlow } from './flow.ts'
import { addMigrate } from './migrate.ts'
import { addMonitor } from './monitor.ts'
import { addPurge } from './purge.ts'
import { addQuarantine } from './quarantine.ts'
import { addQueues } from './queues.ts'
import { addRecipe } from './recipe.ts'
import { addResult } from './result.ts'
import { addStream } from './stream/stream.ts'
import { addTasks } from './tasks.ts'
import { addWorker } from './worker.ts'

const AFTER_HELP = `
Exit codes: 0 done, 1 the work failed, 2 usage or configuration.
Settings come from the app (-A), the environment (CELERY_<NAME>) and .env; "config show" lists them.
"celery-toolbox help COMMAND" has examples.`

/** All commands with their options. What a command needs is loaded when it runs. */
export function buildProgram(): Command {
  const program = new Command('celery-toolbox')
    .description('Workers, producers and a monitor for Celery')
    .option('-A, --app <file>', 'the app: a file, a folder or a package that exports it')
    .option('-b, --broker <url>', 'instead of the setting broker_url')
    .option('--result-backend <url>', 'instead of the setting result_backend')
    .option('--debug', 'show where errors come from, and log every step')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', AFTER_HELP)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  for (const add of COMMANDS) add(program)
  return program
}

/** In the order in which they are met. */
const COMMANDS = [
  addWorker,
  addCall,
  addResult,
  addMonitor,
  addMigrate,
  addTasks,
  addStream,
  addQuarantine,
  addQueues,
  addPurge,
  addRecipe,
  addFlow,
  addConductor,
  addConfig,
  addDoctor,
  addDev,
] as const
