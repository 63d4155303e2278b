import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { countText } from '../../count-text.ts'
import { UsageError } from '../../errors.ts'
import { type GlobalOptions, openApp } from '../app/open-app.ts'
import { print } from '../output/output.ts'
import type { PythonStub } from './write-stub.ts'

interface ContractOptions extends GlobalOptions {
  readonly python: string
  readonly output: string
}

const EXAMPLES = `
A .d.ts file gives app.sendTask the types of a Python app's tasks: their names,
arguments and results. A .pyi file gives Python those of this app's tasks; its
module is written beside it. Commit them, and run "contract check" in CI.

Examples:
  celery-toolbox contract pull --python .venv/bin/python -A shop.celery \\
    -o src/python-tasks.d.ts
  celery-toolbox contract check --python .venv/bin/python -A shop.celery \\
    -o src/python-tasks.d.ts
  celery-toolbox contract stub -A app.ts -o shop/typescript_tasks.pyi
  celery-toolbox contract check -A app.ts -o shop/typescript_tasks.pyi`

export function addContract(program: Command): void {
  const contract = program.command('contract').description("types for the other language's tasks")
  addPart(contract, 'pull', "write the types of a Python app's tasks").action(
    async (_options, command: Command) => pull(command.optsWithGlobals<ContractOptions>()),
  )
  contract
    .command('stub')
    .description("write a Python module with the types of this app's tasks")
    .requiredOption('-o, --output <file>', 'the .pyi file; its .py is written beside it')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => stub(command.optsWithGlobals<ContractOptions>()))
  addPart(contract, 'check', 'fail if the app has changed since the file was written').action(
    async (_options, command: Command) => check(command.optsWithGlobals<ContractOptions>()),
  )
}

function addPart(contract: Command, name: string, description: string): Command {
  const output = name === 'check' ? 'the .d.ts or .pyi file' : 'the .d.ts file'
  return contract
    .command(name)
    .description(description)
    .option('--python <exe>', "the app's Python interpreter", 'python3')
    .requiredOption('-o, --output <file>', output)
    .addHelpText('after', EXAMPLES)
}

async function pull(options: ContractOptions): Promise<void> {
  const { asDeclarations, readPythonContract } = await import('./python-contract.ts')
  const contract = await readPythonContract(options.python, moduleOf(options))
  writeFileSync(options.output, asDeclarations(contract))
  print(`${countText(Object.keys(contract).length, 'task')} written to ${options.output}`)
}

async function stub(options: ContractOptions): Promise<void> {
  if (!options.output.endsWith('.pyi')) {
    throw new UsageError(
      `${options.output} is not a stub file, expected a name that ends with .pyi`,
    )
  }
  const { count, module, stub: text, untyped } = await stubOf(options)
  writeFileSync(options.output, text)
  writeFileSync(options.output.replace(/i$/, ''), module)
  print(`${countText(count, 'task')} written to ${options.output}`)
  for (const name of untyped) {
    print(`  ${name} takes and gives Any: export it (export const … = app.task('${name}', …))`)
  }
}

async function stubOf(options: ContractOptions): Promise<PythonStub> {
  const file = moduleOf(options)
  const { pythonStub } = await import('./write-stub.ts')
  const { fileOfApp } = await import('../app/load-app.ts')
  await using app = await openApp(options)
  return await pythonStub(app, fileOfApp(file))
}

async function checkStub(options: ContractOptions): Promise<void> {
  const { stubDrift } = await import('./write-stub.ts')
  const before = contractText(options.output, 'stub')
  const { stub: now } = await stubOf(options)
  if (before === now) return print(`${options.output} is up to date`)
  for (const line of stubDrift(before, now)) print(line)
  print(`→ celery-toolbox contract stub -A ${options.app} -o ${options.output}`)
  process.exitCode = 1
}

async function check(options: ContractOptions): Promise<void> {
  if (options.output.endsWith('.pyi')) return await checkStub(options)
  const { contractIn, driftOf, readPythonContract } = await import('./python-contract.ts')
  const now = await readPythonContract(options.python, moduleOf(options))
  const drift = driftOf(contractIn(contractText(options.output)), now)
  for (const line of drift) print(line)
  if (drift.length === 0) return print(`${options.output} is up to date`)
  print(`→ celery-toolbox contract pull -A ${options.app} -o ${options.output}`)
  process.exitCode = 1
}

function moduleOf({ app }: ContractOptions): string {
  if (app !== undefined) return app
  throw new UsageError('name the app with -A: the Python module, as for celery itself, or app.ts')
}

function contractText(file: string, command: 'pull' | 'stub' = 'pull'): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new UsageError(`cannot read ${file}: write it first with "contract ${command}"`, {
      cause,
    })
  }
}
