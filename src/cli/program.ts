import type { Command } from 'commander'
import { version } from '../own-package.ts'
import { FittedCommand } from './fitted-help.ts'

const AFTER_HELP = `
Exit codes: 0 done, 1 the work failed, 2 usage or configuration.
Settings come from the app (-A), the environment (CELERY_<NAME>) and .env; "config show" lists them.
"celery-toolbox help COMMAND" has examples.`

/** The program with the command that is called, or with all of them where help or an error will list them. */
export async function buildProgram(args: readonly string[] = []): Promise<Command> {
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
  const name = calledCommand(args) ?? ''
  const names = Object.hasOwn(COMMANDS, name) ? [name] : Object.keys(COMMANDS)
  for (const add of await Promise.all(names.map(async (each) => await COMMANDS[each]?.()))) {
    add?.(program)
  }
  return program
}

type AddCommand = (program: Command) => void

/** In the order in which they are met. To load them all takes half a second, so only the one that is called is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  init: async () => (await import('./init/init.ts')).addInit,
  worker: async () => (await import('./worker/worker.ts')).addWorker,
  multi: async () => (await import('./worker/multi.ts')).addMulti,
  inspect: async () => (await import('./remote/inspect.ts')).addInspect,
  control: async () => (await import('./remote/inspect.ts')).addControl,
  status: async () => (await import('./remote/inspect.ts')).addStatus,
  events: async () => (await import('./events/events.ts')).addEvents,
  call: async () => (await import('./call.ts')).addCall,
  result: async () => (await import('./result.ts')).addResult,
  monitor: async () => (await import('./monitor.ts')).addMonitor,
  migrate: async () => (await import('./migrate.ts')).addMigrate,
  tasks: async () => (await import('./tasks.ts')).addTasks,
  stream: async () => (await import('./stream/stream.ts')).addStream,
  quarantine: async () => (await import('./quarantine/quarantine.ts')).addQuarantine,
  'dead-letters': async () => (await import('./dead-letters/dead-letters.ts')).addDeadLetters,
  queues: async () => (await import('./queues.ts')).addQueues,
  purge: async () => (await import('./purge.ts')).addPurge,
  recipe: async () => (await import('./recipe/recipe.ts')).addRecipe,
  service: async () => (await import('./zocalo/service/service.ts')).addService,
  go: async () => (await import('./zocalo/go.ts')).addGo,
  pickup: async () => (await import('./zocalo/pickup.ts')).addPickup,
  wrap: async () => (await import('./zocalo/wrap.ts')).addWrap,
  shutdown: async () => (await import('./zocalo/shutdown.ts')).addShutdown,
  'status-monitor': async () => (await import('./zocalo/status-monitor.ts')).addStatusMonitor,
  'queue-drain': async () => (await import('./zocalo/queue-drain.ts')).addQueueDrain,
  'dlq-check': async () => (await import('./zocalo/dlq/check.ts')).addDlqCheck,
  'dlq-purge': async () => (await import('./zocalo/dlq/purge.ts')).addDlqPurge,
  'dlq-reinject': async () => (await import('./zocalo/dlq/reinject.ts')).addDlqReinject,
  'validate-recipe': async () => (await import('./zocalo/validate-recipe.ts')).addValidateRecipe,
  flow: async () => (await import('./flow/flow.ts')).addFlow,
  conductor: async () => (await import('./conductor.ts')).addConductor,
  contract: async () => (await import('./contract/contract.ts')).addContract,
  config: async () => (await import('./config.ts')).addConfig,
  doctor: async () => (await import('./doctor/doctor.ts')).addDoctor,
  dev: async () => (await import('./dev/dev.ts')).addDev,
}

/** Of the program's own options, those that are followed by a value. */
const WITH_VALUE: readonly string[] = ['-A', '--app', '-b', '--broker', '--result-backend']

/** The first argument that is neither an option of the program nor its value. */
function calledCommand(args: readonly string[]): string | undefined {
  return args.find((arg, at) => !arg.startsWith('-') && !WITH_VALUE.includes(args[at - 1] ?? ''))
}
