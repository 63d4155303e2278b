import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { print } from '../output/output.ts'
import { askWorkers, byWorker, type RemoteOptions, withRemoteOptions } from './ask-workers.ts'
import { remoteArguments } from './remote-arguments.ts'
import { CONTROL, INSPECT, type RemoteCommand } from './remote-commands.ts'

interface NamedOptions extends RemoteOptions {
  readonly list?: boolean
}

const EXAMPLES = `
Workers of both languages answer, and the output is that of "celery". The exit code is 69 if no worker answers, or if one
that -d names does not.

Examples:`

export function addInspect(program: Command): void {
  addRemote(program, {
    kind: 'inspect',
    commands: INSPECT,
    description: 'ask workers what they run, hold, offer and consume',
    examples: [
      'inspect active',
      'inspect stats -d w1@host --json',
      'inspect registered rate_limit',
    ],
  })
}

export function addControl(program: Command): void {
  addRemote(program, {
    kind: 'control',
    commands: CONTROL,
    description: 'change workers while they run: limits, queues, pool, shutdown',
    examples: [
      'control rate_limit export.pdf 10/m',
      'control -d w1@host add_consumer night',
      'control -d w1@host shutdown',
    ],
  })
}

export function addStatus(program: Command): void {
  withRemoteOptions(program.command('status').description('list the workers that are online'))
    .addHelpText('after', `${EXAMPLES}\n  celery-toolbox status -A app.ts -t 3`)
    .action(async (_options, command: Command) => {
      await askWorkers(
        { method: 'ping', args: {}, withBody: false, asJson: byWorker, isCounted: true },
        command.optsWithGlobals<RemoteOptions>(),
      )
    })
}

interface RemoteKind {
  readonly kind: 'inspect' | 'control'
  readonly commands: Readonly<Record<string, RemoteCommand>>
  readonly description: string
  readonly examples: readonly string[]
}

function addRemote(program: Command, remote: RemoteKind): void {
  const { kind, description, examples } = remote
  withRemoteOptions(program.command(kind).description(description))
    .argument('[command]', 'one of those that --list prints')
    .argument('[arguments...]', 'the arguments of the command')
    .option('--list', 'list the commands')
    .addHelpText(
      'after',
      `${EXAMPLES}\n${examples.map((line) => `  celery-toolbox ${line}`).join('\n')}`,
    )
    .action(
      async (name: string | undefined, typed: string[], _options: unknown, command: Command) => {
        await runRemote(remote, [name, typed], command.optsWithGlobals<NamedOptions>())
      },
    )
}

async function runRemote(
  { kind, commands }: RemoteKind,
  [name, typed]: readonly [string | undefined, readonly string[]],
  options: NamedOptions,
): Promise<void> {
  if (options.list === true) return print(listOf(commands))
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  if (name === undefined || command === undefined) {
    const known = Object.keys(commands).join(', ')
    throw new UsageError(
      `there is no ${kind} command "${name ?? ''}"; available ${kind} commands: ${known}`,
    )
  }
  const isInspect = kind === 'inspect'
  await askWorkers(
    {
      method: name,
      args: remoteArguments(name, command, typed),
      withBody: true,
      // As `celery --json`: by worker for what asks, one after the other for what changes.
      asJson: isInspect ? byWorker : (replies) => replies,
      isCounted: isInspect,
    },
    options,
  )
}

function listOf(commands: Readonly<Record<string, RemoteCommand>>): string {
  const rows = Object.entries(commands).map(([name, { signature = '', help }]) => [
    `${name} ${signature}`.trim(),
    help,
  ])
  const width = Math.max(...rows.map(([first = '']) => first.length))
  return rows.map(([first = '', help = '']) => `${first.padEnd(width)}  ${help}`).join('\n')
}
