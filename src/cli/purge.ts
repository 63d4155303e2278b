import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { Broker } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import { UsageError } from '../errors.ts'
import { commandLogger, type GlobalOptions, openApp } from './app/open-app.ts'
import { JSON_OUTPUT } from './options/common-options.ts'
import { names } from './options/option-values.ts'
import { print, printError, printJson } from './output/output.ts'
import { depthOf } from './queue-states.ts'

interface PurgeCommandOptions extends GlobalOptions {
  readonly queues?: readonly string[]
  readonly force?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Deleted messages are gone: their tasks never run. The platform queue is purged only where -Q names it.

Examples:
  celery-toolbox purge -A app.ts
  celery-toolbox purge -Q export -f`

export function addPurge(program: Command): void {
  program
    .command('purge')
    .description('delete the messages that wait in work queues')
    .option('-Q, --queues <names>', 'only these queues (default: all work queues)', names)
    .option('-f, --force', 'do not ask')
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runPurge(command.optsWithGlobals<PurgeCommandOptions>())
    })
}

async function runPurge(options: PurgeCommandOptions): Promise<void> {
  await using app = await openApp(options, { usesQueues: true })
  app.useLogger(await commandLogger(app.config, options))
  const queues = queuesToPurge(app.config, options.queues)
  if (options.force !== true && !(await isConfirmed(queues))) {
    printError('nothing was deleted')
    return
  }
  const purged = await purge(app.broker(), queues)
  if (options.json === true) return printJson(purged)
  for (const [queue, messages] of Object.entries(purged)) {
    print(messages === null ? `${queue}: not there` : `${queue}: ${messages} deleted`)
  }
}

function queuesToPurge(config: Config, asked: readonly string[] | undefined): readonly string[] {
  const known = [...config.workQueues(), config.platformQueue]
  const unknown = asked?.find((queue) => !known.includes(queue))
  if (unknown !== undefined) {
    throw new UsageError(`there is no queue "${unknown}"; the queues are: ${known.join(', ')}`)
  }
  return asked ?? config.consumedQueues()
}

async function isConfirmed(queues: readonly string[]): Promise<boolean> {
  if (process.stdin.isTTY !== true) {
    throw new UsageError(
      'there is no terminal to ask for confirmation: give -f to delete without it',
    )
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(
      `Delete all messages that wait in ${queues.join(', ')}? [y/N] `,
    )
    return /^y(?:es)?$/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

/** How many messages each queue had; null where it is not there. */
async function purge(
  broker: Broker,
  queues: readonly string[],
): Promise<Readonly<Record<string, number | null>>> {
  const counts: Record<string, number | null> = {}
  for (const queue of queues) {
    const isThere = (await depthOf(broker, queue)) !== undefined
    counts[queue] = isThere ? await broker.purge(queue) : null
  }
  return counts
}
