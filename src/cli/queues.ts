import type { Command } from 'commander'
import { commandLogger, type GlobalOptions, openApp } from './app/open-app.ts'
import { JSON_OUTPUT } from './options/common-options.ts'
import { printJson, printTable, wantsJson } from './output/output.ts'
import { type QueueState, queueStates } from './queue-states.ts'

interface QueuesCommandOptions extends GlobalOptions {
  readonly json?: boolean
}

const EXAMPLES = `
A queue that does not exist yet is shown without numbers: the first worker or publish declares it.

Examples:
  celery-toolbox queues -A app.ts
  celery-toolbox queues --json | jq 'map(select(.consumers == 0))'`

export function addQueues(program: Command): void {
  program
    .command('queues')
    .description('list the queues: their messages, consumers and bindings')
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runQueues(command.optsWithGlobals<QueuesCommandOptions>())
    })
}

async function runQueues(options: QueuesCommandOptions): Promise<void> {
  await using app = await openApp(options, { usesQueues: true })
  app.useLogger(await commandLogger(app.config, options))
  const states = await queueStates(app.config, app.broker())
  if (wantsJson(options)) return printJson(states)
  const reports = (figure: 'delayed' | 'inFlight'): boolean =>
    states.some((state) => state[figure] !== null)
  printTable<QueueState>(
    [
      { title: 'queue', value: ({ name }) => name },
      { title: 'messages', value: ({ messages }) => messages ?? '–', align: 'right' },
      { title: 'consumers', value: ({ consumers }) => consumers ?? '–', align: 'right' },
      ...(reports('delayed')
        ? [{ title: 'delayed', value: delayedOf, align: 'right' as const }]
        : []),
      ...(reports('inFlight')
        ? [{ title: 'in flight', value: inFlightOf, align: 'right' as const }]
        : []),
      { title: 'exchange', value: ({ exchange }) => exchange },
      { title: 'routing key', value: ({ routingKey }) => routingKey },
    ],
    states,
  )
}

function delayedOf({ delayed }: QueueState): number | string {
  return delayed ?? '–'
}

function inFlightOf({ inFlight }: QueueState): number | string {
  return inFlight ?? '–'
}
