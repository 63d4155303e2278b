import type { Command } from 'commander'
import type { QueueDepth } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import type { TaskWhy } from '../../monitor/queries/why/why-task.ts'
import { commandLogger, openConfig } from '../app/open-app.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openDatabaseOf } from '../options/open-database.ts'
import { print, printError } from '../output/output.ts'
import { cellText } from '../output/table.ts'
import type { TasksOptions } from './options/options.ts'
import { printFound } from './print-found.ts'

export function addWhy(tasks: Command): void {
  tasks
    .command('why')
    .argument('<id>', 'the id of a task, or the beginning of it, or of a step still to come')
    .description('explain why a task has not finished, or how it ended')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options, command: Command) => {
      await runWhy(id, command.optsWithGlobals<TasksOptions>())
    })
}

async function runWhy(id: string, options: TasksOptions): Promise<void> {
  const { whyTask } = await import('../../monitor/queries/why/why-task.ts')
  const config = await openConfig(options)
  await using database = await openDatabaseOf(config, options)
  const broker = { depth: (queue: string) => depthOf(queue, config, options) }
  const isKnown = namesBroker(config, options)
  const why = await whyTask(database, isKnown ? broker : undefined, id)
  const printText = (found: TaskWhy): void => {
    printWhy(found)
    if (!isKnown && found.queue !== null) printError(UNASKED)
  }
  printFound(why, { id, database, options, printText })
}

const UNASKED =
  'note: what the broker has in this queue is not known: name it with -b amqp://…, CELERY_BROKER_URL or the app (-A)'

/** Where nothing says which broker it is, none is guessed. */
function namesBroker(config: Config, { app }: TasksOptions): boolean {
  if (app !== undefined) return true
  return [config.source('broker_url'), config.source('broker_transport')].some(
    (source) => source !== 'default' && source !== undefined,
  )
}

const CONNECT_WITHIN_MS = 1_500

/**
 * Connected if it is asked at all, and not waited for as long as elsewhere: the database knows most of it. The answer
 * says what is wrong, so no log does.
 */
async function depthOf(queue: string, config: Config, options: TasksOptions): Promise<QueueDepth> {
  const { openBroker } = await import('../../brokers/open-broker.ts')
  const { brokerOptions } = await import('../../tasks/app/broker-options.ts')
  const { silentLogger } = await import('../../logger.ts')
  const logger = options.debug === true ? await commandLogger(config, options) : silentLogger
  const given = { ...brokerOptions(config, logger), connectTimeoutMs: CONNECT_WITHIN_MS }
  await using broker = openBroker(given)
  return await broker.depth(queue)
}

function printWhy({ taskId, name, status, why }: TaskWhy): void {
  print(cellText(`${name ?? 'a task'} ${taskId} ${status ?? 'is not published yet'}`))
  for (const sentence of why) print(`  ${cellText(sentence)}`)
}
