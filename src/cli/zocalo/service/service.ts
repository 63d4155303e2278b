import { type Command, Option } from 'commander'
import { UsageError } from '../../../errors.ts'
import { count, positiveInteger, seconds } from '../../options/option-values.ts'
import { printError } from '../../output/output.ts'
import { addSiteOptions, addVerbose, openSite, type Site } from '../site.ts'
import {
  type ChosenService,
  runFrontEnd,
  type ServiceCommandOptions,
  sharedOptions,
} from './run-front-end.ts'

const EXAMPLES = `
A project's own services stand in its package.json: "celery-toolbox": { "services": { "NAME": "./file.mjs#Export" } }.
The site's configuration is the file that ZOCALO_CONFIG names.

Examples:
  celery-toolbox service -s Dispatcher
  celery-toolbox -A app.ts service -s Dispatcher          (a monitor of that app records every step)
  celery-toolbox service -s MyService -e test --tag blue --restart --liveness
  celery-toolbox service -s MyService --min 1 --max 8      (as many processes as its queues ask for)`

export function addService(program: Command): void {
  const command = program
    .command('service')
    .description('run a service of a recipe pipeline (Zocalo: zocalo.service)')
    .addOption(
      new Option(
        '-s, --service <name>',
        'name of the service, the beginning of one, or ./file.mjs#Export',
      ),
    )
    .option('-d, --debug', 'log every step of the transport, too')
    .option('-r, --restart', 'start a new instance where one has failed')
    .option('--tag <tag>', 'an individual tag, shown in status broadcasts')
    .option('--liveness', 'answer HTTP requests: 200 where the service takes messages')
    .option('--liveness-port <port>', 'port of the liveness check', positiveInteger, 8000)
    .option(
      '--liveness-timeout <seconds>',
      'seconds until a busy service counts as stuck',
      positiveInteger,
      30,
    )
    .option('-m, --metrics', 'serve /metrics for Prometheus')
    .option('--metrics-port <port>', 'port of the metrics', positiveInteger, 8080)
    .option(
      '-c, --concurrency <n>',
      'messages at a time (1, or what the class says)',
      positiveInteger,
    )
    .option('--max-lifetime <seconds>', 'shut down after so many seconds', positiveInteger)
    .option('--min <n>', 'fewest processes; more run while messages wait', count)
    .option('--max <n>', 'most processes', positiveInteger)
    .addOption(
      new Option('--idle <seconds>', 'seconds without messages until a process beyond --min ends')
        .argParser(seconds)
        .default(30),
    )
    .addOption(new Option('--as-instance', 'as one process of --min and --max').hideHelp())
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES)
  addVerbose(addSiteOptions(command), 'show debug output').action(
    async (_options: unknown, self: Command) => {
      // As Python's; its scripts run with them.
      if (self.args.length > 0) printError(`warning: without effect: ${self.args.join(' ')}`)
      await runService(self.optsWithGlobals())
    },
  )
}

async function runService(options: ServiceCommandOptions): Promise<void> {
  if (options.service === undefined) throw new UsageError('name the service to run: -s NAME')
  const site = await openSite(options)
  const chosen = await chooseService(options.service, site)
  if (chosen === null) process.exitCode = 1
  else if (asksForInstances(options)) process.exitCode = await instances(options, site, chosen)
  else process.exitCode = await runFrontEnd(options, site, chosen)
}

/** Null where there is none of that name, or more than one: standard error says which there are. */
async function chooseService(wanted: string, { parts }: Site): Promise<ChosenService | null> {
  const { findService, serviceNames } = await import('../../../services/service-registry.ts')
  const found = findService(wanted, parts)
  if (found.name !== null) return { name: found.name, serviceClass: await found.load() }
  const isAmbiguous = found.candidates.length > 0
  const known = isAmbiguous ? found.candidates : serviceNames(parts)
  printError(
    `${isAmbiguous ? 'Ambiguous' : 'Unknown'} service "${wanted}"; there are: ${known.join(', ')}`,
  )
  return null
}

function asksForInstances({ min, max, asInstance }: ServiceCommandOptions): boolean {
  return (min ?? max) !== undefined && asInstance !== true
}

async function instances(
  options: ServiceCommandOptions,
  site: Site,
  { name, serviceClass }: ChosenService,
): Promise<0 | 1> {
  const { min = 1, max = Math.max(1, min), idle } = options
  if (min > max) throw new UsageError(`--min ${min} is more than --max ${max}`)
  const { runInstances } = await import('./service-instances.ts')
  try {
    const pace = { idleMs: idle * 1000, everyMs: Math.min(2000, Math.max(100, idle * 500)) }
    return await runInstances(site, {
      name,
      className: serviceClass.name,
      ...sharedOptions(options),
      min,
      max,
      pace,
    })
  } finally {
    await site.log.close()
  }
}
