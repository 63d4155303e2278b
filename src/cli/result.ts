import type { Command } from 'commander'
import { commandLogger, type GlobalOptions, openConfig } from './app/open-app.ts'
import { seconds } from './options/option-values.ts'
import { awaitResult, printResult } from './results.ts'

interface ResultCommandOptions extends GlobalOptions {
  readonly wait?: boolean
  readonly timeout?: number
  readonly json?: boolean
}

const EXAMPLES = `
Prints the result of a task that succeeded, and the state of one that is not over (PENDING also means: never heard of).
A task that failed is exit code 1, with its error and traceback.

Examples:
  celery-toolbox result 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e
  celery-toolbox result 5b0b1d51-2b7f-4a0c-a7c5-2f6d3f0c8f4e --wait --timeout 30 --json`

export function addResult(program: Command): void {
  program
    .command('result')
    .argument('<id>', 'the id of the task')
    .description('read the result of a task')
    .option('-w, --wait', 'wait until the task is over')
    .option('--timeout <seconds>', 'how long to wait (default: no limit)', seconds)
    .option('--json', 'print JSON: everything that is stored')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, _options, command: Command) => {
      await runResult(id, command.optsWithGlobals<ResultCommandOptions>())
    })
}

async function runResult(id: string, options: ResultCommandOptions): Promise<void> {
  const config = await openConfig(options)
  const logger = await commandLogger(config, options)
  const { openResultStore } = await import('../results/open-result-store.ts')
  await using store = await openResultStore(config, { logger })
  const isAwaited = options.wait === true || options.timeout !== undefined
  const result = isAwaited ? await awaitResult(store, id, options.timeout) : await store.get(id)
  printResult(result, { isJson: options.json === true })
}
