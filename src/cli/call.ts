import type { Command } from 'commander'
import type { CallOptions } from '../protocol/tasks/call-options.ts'
import { commandLogger, type GlobalOptions, openApp } from './app/open-app.ts'
import { JSON_OUTPUT } from './options/common-options.ts'
import {
  count,
  header,
  isoTime,
  jsonList,
  jsonObject,
  seconds,
  secondsOrTime,
} from './options/option-values.ts'
import { print, printJson } from './output/output.ts'
import { awaitResult, printResult } from './results.ts'

type RoutingOptions = Pick<
  CallOptions,
  | 'queue'
  | 'exchange'
  | 'routingKey'
  | 'countdown'
  | 'eta'
  | 'expires'
  | 'priority'
  | 'taskId'
  | 'serializer'
>

interface CallCommandOptions extends GlobalOptions, RoutingOptions {
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, string>>
  readonly wait?: boolean
  readonly timeout?: number
  readonly json?: boolean
}

const EXAMPLES = `
Prints the task id once the broker has confirmed the message; with --wait also the result. A task that failed is exit
code 1. Works without -A, too: the name of the task is enough.

Examples:
  celery-toolbox call export.add --args '[2, 3]' --wait
  celery-toolbox call export.report --kwargs '{"slug": "roads"}' --countdown 60 --header tenant=7
  celery-toolbox -b amqp://broker.example call python.add --args '[2, 3]'`

export function addCall(program: Command): void {
  program
    .command('call')
    .argument('<name>', 'the name of the task')
    .description('call a task')
    .option('-a, --args <json>', 'its arguments, a JSON list', jsonList)
    .option('-k, --kwargs <json>', 'its keyword arguments, a JSON object', jsonObject)
    .option('-q, --queue <queue>', 'the work queue, instead of the one derived from its name')
    .option('--exchange <exchange>', 'the exchange (default: that of the settings)')
    .option('--routing-key <key>', "the routing key (default: the first part of the task's name)")
    .option('--countdown <seconds>', 'run it after this many seconds', seconds)
    .option('--eta <time>', 'run it at this time (ISO 8601)', isoTime)
    .option(
      '--expires <when>',
      'seconds, or the time, after which it is not run any more',
      secondsOrTime,
    )
    .option('--priority <n>', 'its priority, on queues that have priorities', count)
    .option('--task-id <id>', 'the id of the task (default: a new one)')
    .option('--serializer <name>', 'json, yaml or msgpack')
    .option('--header <name=value>', 'a header of its message; may be repeated', header)
    .option('-w, --wait', 'wait for the result, and print it')
    .option('--timeout <seconds>', 'how long to wait (default: no limit)', seconds)
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, _options, command: Command) => {
      await runCall(name, command.optsWithGlobals<CallCommandOptions>())
    })
}

async function runCall(name: string, options: CallCommandOptions): Promise<void> {
  await using app = await openApp(options, { usesQueues: true })
  app.useLogger(await commandLogger(app.config, options))
  const result = await app.sendTask(name, options.args, options.kwargs, callOptions(options))
  if (options.wait !== true) {
    if (options.json === true) printJson({ id: result.id })
    else print(result.id)
    return
  }
  // The id is out before the wait: it is what a later `result` needs.
  if (options.json !== true) print(result.id)
  const outcome = await awaitResult(await app.results(), result.id, options.timeout)
  printResult(outcome, { isJson: options.json === true })
}

function callOptions(options: CallCommandOptions): CallOptions {
  const { queue, exchange, routingKey, countdown, eta, expires } = options
  const { priority, taskId, serializer, header: headers } = options
  const all = {
    queue,
    exchange,
    routingKey,
    countdown,
    eta,
    expires,
    priority,
    taskId,
    serializer,
    headers,
  }
  // Only what was given: an option that is there and undefined would count as given.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
