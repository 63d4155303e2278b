import type { Command } from 'commander'
import { level } from '../options/option-values.ts'
import { runService } from '../run-service.ts'
import type { DevOptions } from './dev-options.ts'

const EXAMPLES = `
Without options nothing else is needed: the broker is in memory, PostgreSQL is an embedded one in a temporary folder,
and a small app shows the journey of its tasks. With -A it runs yours.

Examples:
  celery-toolbox dev
  celery-toolbox dev --once
  celery-toolbox dev --broker sqs        # on a server in this process that stands for Amazon SQS
  celery-toolbox dev -A app.ts -b amqp://localhost --database postgresql://localhost/history`

export function addDev(program: Command): void {
  program
    .command('dev')
    .description('run a worker and a monitor in one process, with a demonstration')
    .option('--once', 'end after printing the history; exit code 1 if anything went wrong')
    .option('--database <url>', 'instead of an embedded PostgreSQL')
    .option('--data <folder>', 'keep the embedded PostgreSQL in this folder')
    .option('-l, --loglevel <level>', 'show the log from this level on', level)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runDev(command.optsWithGlobals<DevOptions>())
    })
}

async function runDev(options: DevOptions): Promise<void> {
  const { DevService } = await import('./dev-service.ts')
  await runService(new DevService(options), {
    name: 'dev',
    endsByItself: options.once === true,
  })
}
