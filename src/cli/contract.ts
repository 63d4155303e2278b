import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import type { GlobalOptions } from './open-app.ts'
import { print } from './output.ts'

interface ContractOptions extends GlobalOptions {
  readonly python: string
  readonly output: string
}

const EXAMPLES = `
The file gives app.sendTask the types of the Python app's tasks: their names,
arguments and results. Commit it, and run "contract check" in CI.

Examples:
  celery-toolbox contract pull --python .venv/bin/python -A shop.celery \\
    -o src/python-tasks.d.ts
  celery-toolbox contract check --python .venv/bin/python -A shop.celery \\
    -o src/python-tasks.d.ts`

export function addContract(program: Command): void {
  const contract = program.command('contract').description("types for a Python app's tasks")
  addPart(contract, 'pull', "write the types of a Python app's tasks").action(
    async (_options, command: Command) => pull(command.optsWithGlobals<ContractOptions>()),
  )
  addPart(contract, 'check', 'fail if the Python app has changed since').action(
    async (_options, command: Command) => check(command.optsWithGlobals<ContractOptions>()),
  )
}

function addPart(contract: Command, name: string, description: string): Command {
  return contract
    .command(name)
    .description(description)
    .option('--python <exe>', "the app's Python interpreter", 'python3')
    .requiredOption('-o, --output <file>', 'the .d.ts file')
    .addHelpText('after', EXAMPLES)
}

async function pull(options: ContractOptions): Promise<void> {
  const { asDeclarations, readPythonContract } = await import('./contract/python-contract.ts')
  const contract = await readPythonContract(options.python, moduleOf(options))
  writeFileSync(options.output, asDeclarations(contract))
  print(`${Object.keys(contract).length} tasks written to ${options.output}`)
}

async function check(options: ContractOptions): Promise<void> {
  const { contractIn, driftOf, readPythonContract } = await import('./contract/python-contract.ts')
  const now = await readPythonContract(options.python, moduleOf(options))
  const drift = driftOf(contractIn(textOf(options.output)), now)
  for (const line of drift) print(line)
  if (drift.length === 0) return print(`${options.output} is up to date`)
  print(`→ celery-toolbox contract pull -A ${options.app} -o ${options.output}`)
  process.exitCode = 1
}

function moduleOf({ app }: ContractOptions): string {
  if (app !== undefined) return app
  throw new UsageError('name the module of the Python app with -A, as for celery itself')
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new UsageError(`cannot read ${file}: write it first with "contract pull"`, { cause })
  }
}
