import type { Command } from 'commander'
import type { Database } from '../../database/database.ts'
import { UsageError } from '../../errors.ts'
import { textOrNull } from '../../protocol/field-readers.ts'
import type { HeldMessage, WaitingMessage } from '../../schedule/held-messages.ts'
import { DATABASE, EDIT, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { isoTime, positiveInteger, seconds } from '../options/option-values.ts'
import { printError, printJson, printTable, wantsJson } from '../output/output.ts'
import type { Column } from '../output/table.ts'
import type { TasksOptions } from './options/options.ts'

interface ScheduledOptions extends TasksOptions {
  readonly name?: string
  readonly limit: number
}

interface RescheduleOptions extends TasksOptions {
  readonly eta?: Date
  readonly countdown?: number
  readonly edit?: Readonly<Record<string, unknown>>
}

export function addScheduled(tasks: Command): void {
  tasks
    .command('scheduled')
    .description('list the tasks in the vault (ETA_VAULT), the next one first')
    .option('--name <name>', 'only tasks of this name')
    .option('--limit <n>', 'at most this many', positiveInteger, 50)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      await runScheduled(command.optsWithGlobals<ScheduledOptions>())
    })
}

export function addReschedule(tasks: Command): void {
  tasks
    .command('reschedule')
    .argument('<id>', 'the task')
    .description('change the time or the arguments of a task in the vault; "revoke" cancels it')
    .option('--eta <time>', 'run it at this time: 2030-01-31T12:00:00Z', isoTime)
    .option('--countdown <seconds>', 'run it after this many seconds', seconds)
    .option(...EDIT)
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options, command: Command) => {
      await runReschedule(id, command.optsWithGlobals<RescheduleOptions>())
    })
}

async function runScheduled(options: ScheduledOptions): Promise<void> {
  const { Vault } = await import('../../schedule/vault.ts')
  const { limit, name } = options
  await using database = await openCommandDatabase(options)
  const held = await new Vault(database).list({ limit, ...(name !== undefined && { name }) })
  if (wantsJson(options)) printJson(held.map(asJson))
  else printTable(COLUMNS, held)
}

async function runReschedule(id: string, options: RescheduleOptions): Promise<void> {
  const change = await changeOf(options)
  await using database = await openCommandDatabase(options)
  const held = await reschedule(database, id, change)
  if (held === undefined) {
    printError(`error: no task with the id "${id}" waits in ${database.safeUrl}`)
    process.exitCode = 1
  } else if (wantsJson(options)) {
    printJson(asJson(held))
  } else {
    printTable(COLUMNS, [held])
  }
}

async function reschedule(
  database: Database,
  id: string,
  change: (held: HeldMessage) => Promise<WaitingMessage>,
): Promise<HeldMessage | undefined> {
  const { Vault } = await import('../../schedule/vault.ts')
  return await new Vault(database).change(id, change)
}

async function changeOf({
  eta,
  countdown,
  edit,
}: RescheduleOptions): Promise<(held: HeldMessage) => Promise<WaitingMessage>> {
  if (eta !== undefined && countdown !== undefined) {
    throw new UsageError('give either --eta or --countdown')
  }
  const dueAt = countdown === undefined ? eta : new Date(Date.now() + countdown * 1000)
  if (dueAt === undefined && edit === undefined) {
    throw new UsageError('give at least one change: --eta, --countdown or --edit')
  }
  const { callEditOption } = await import('./options/edit-option.ts')
  const callEdit = await callEditOption(edit)
  const { editedMessage } = await import('../../monitor/replay/edited-message.ts')
  return async (held) => ({
    ...held,
    dueAt: dueAt ?? held.dueAt,
    message:
      callEdit === undefined
        ? held.message
        : await editedMessage(held.message, held.taskId, callEdit),
  })
}

const COLUMNS: readonly Column<HeldMessage>[] = [
  { title: 'due', value: ({ dueAt }) => dueAt },
  { title: 'task', value: ({ name }) => name },
  { title: 'args', value: ({ message }) => textOrNull(message.headers.argsrepr) },
  { title: 'kwargs', value: ({ message }) => textOrNull(message.headers.kwargsrepr) },
  { title: 'problem', value: ({ problem }) => problem },
  { title: 'id', value: ({ taskId }) => taskId, isWhole: true },
]

function asJson({ message, ...held }: HeldMessage): object {
  return { ...held, headers: message.headers }
}
