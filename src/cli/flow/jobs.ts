import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import type { Job, Priority } from '../../flows/board/job.ts'
import { PRIORITIES } from '../../flows/board/job.ts'
import { readFlowFile } from '../../flows/files/flow-file.ts'
import { explainRun } from '../../flows/storage/explain-run.ts'
import { drawRun } from '../../flows/storage/outline.ts'
import { openConfig } from '../app/open-app.ts'
import { JSON_OUTPUT, VALUES } from '../options/common-options.ts'
import { seconds } from '../options/option-values.ts'
import { print, printJson, printTable, wantsJson } from '../output/output.ts'
import { type BoardOptions, type OpenedBoard, openBoard, withBoard } from './open-board.ts'
import { jsonObject } from './run.ts'

type AnyBoard = OpenedBoard['board']

interface ListOptions extends BoardOptions {
  readonly json?: boolean
}

interface PostOptions extends BoardOptions {
  readonly values?: Readonly<Record<string, unknown>>
  readonly priority?: string
  readonly delay?: number
  readonly schedule?: string
}

interface ResumeOptions extends BoardOptions {
  readonly from?: string
  readonly values?: Readonly<Record<string, unknown>>
}

export function addFlowJobs(flow: Command): void {
  addPost(flow)
  addList(flow)
  addShow(flow)
  addSteering(flow)
  addResume(flow)
  addSignal(flow)
}

function addPost(flow: Command): void {
  withBoard(flow.command('post'))
    .description('post a flow file on the job board, for conductors to run')
    .argument('<file>', 'a flow file in YAML or JSON')
    .option(...VALUES)
    .option('--priority <name>', `one of ${PRIORITIES.join(', ')}`)
    .option('--delay <seconds>', 'seconds before the first run', seconds)
    .option('--schedule <cron>', 'run again and again, by five fields of cron in UTC')
    .action(async (file: string, _options: unknown, command: Command) => {
      await post(file, command.optsWithGlobals<PostOptions>())
    })
}

function addList(flow: Command): void {
  withBoard(flow.command('list'))
    .description('list the jobs of the board, highest priority first')
    .option('--trashed', 'list the discarded jobs instead')
    .option(...JSON_OUTPUT)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ListOptions & { trashed?: boolean }>()
      await onBoard(options, async (board) => {
        showJobs(
          await (options.trashed === true ? board.trashed() : board.jobs({ includeDelayed: true })),
          options,
        )
      })
    })
}

function addShow(flow: Command): void {
  withBoard(flow.command('show'))
    .description('show a run: its atoms, what failed and what it waits for')
    .argument('<id>', 'the id of a flow or a job')
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ListOptions>()
      await onBoard(options, async (board) => await show(board, id, options))
    })
}

function addSteering(flow: Command): void {
  for (const [name, description] of STEERING) {
    withBoard(flow.command(name))
      .description(description)
      .argument('<id>', 'the id of a flow or a job')
      .action(async (id: string, _options: unknown, command: Command) => {
        const options = command.optsWithGlobals<BoardOptions>()
        await onBoard(options, async (board) => await board[name](id))
      })
  }
}

function addResume(flow: Command): void {
  withBoard(flow.command('resume'))
    .description('give a suspended job back to conductors, or run a flow again from a step on')
    .argument('<id>', 'the id of a flow or a job')
    .option('--from <step>', 'run this step and all after it again')
    .option('--values <json>', 'with --from: values to change, as a JSON object', jsonObject)
    .action(async (id: string, _options: unknown, command: Command) => {
      await resume(id, command.optsWithGlobals<ResumeOptions>())
    })
}

function addSignal(flow: Command): void {
  withBoard(flow.command('signal'))
    .description('give a waiting flow its signal')
    .argument('<id>', 'the id of the flow')
    .argument('<name>', 'the name of the signal')
    .argument('[value]', 'its value, as JSON (null)')
    .action(
      async (
        ...[id, name, value, , command]: [string, string, string | undefined, unknown, Command]
      ) => {
        await onBoard(command.optsWithGlobals<BoardOptions>(), async (board) => {
          await board.signal(id, name, value === undefined ? null : jsonValue(value))
        })
      },
    )
}

const STEERING = [
  ['suspend', 'let running atoms finish, and keep the job from conductors'],
  ['replay', 'put a failed job back on the board; it resumes where it stopped'],
] as const

async function onBoard(
  options: BoardOptions,
  act: (board: AnyBoard) => Promise<void>,
): Promise<void> {
  await using opened = await openBoard(await openConfig(options), options)
  await act(opened.board)
}

async function post(file: string, options: PostOptions): Promise<void> {
  const { flow, text, spec } = await readFlowFile(file)
  const { values = {}, priority, delay, schedule } = options
  const missing = (spec.inputs ?? []).filter((name) => !Object.hasOwn(values, name))
  if (missing.length > 0) throw new UsageError(`the flow needs --values with ${missing.join(', ')}`)
  await onBoard(options, async (board) => {
    const job = await board.post({ name: flow.name, definition: text }, values, {
      ...(priority !== undefined && { priority: priorityFrom(priority) }),
      ...(delay !== undefined && { delayMs: delay * 1000 }),
      ...(schedule !== undefined && { schedule }),
    })
    print(job.flowId)
  })
}

async function resume(id: string, options: ResumeOptions): Promise<void> {
  const { from, values } = options
  if (from === undefined && values !== undefined)
    throw new UsageError('--values needs --from: the values of a run are changed from a step on')
  await onBoard(options, async (board) => {
    if (from === undefined) await board.resume(id)
    else await board.resumeFrom(id, from, values)
  })
}

function showJobs(jobs: readonly Job[], options: ListOptions): void {
  if (wantsJson(options)) {
    printJson(jobs)
    return
  }
  printTable(
    [
      { title: 'flow', value: (job: Job) => job.flowId, isWhole: true },
      { title: 'name', value: (job) => job.name },
      { title: 'state', value: (job) => (job.isHeld ? 'SUSPENDED' : job.state) },
      { title: 'priority', value: (job) => job.priority },
      { title: 'run at', value: (job) => job.runAt ?? 'on a signal' },
      { title: 'owner', value: (job) => job.owner, isExtra: true },
    ],
    jobs,
  )
}

async function show(board: AnyBoard, id: string, options: ListOptions): Promise<void> {
  const job = await board.find(id)
  const stored = await board.store.load(job?.flowId ?? id)
  if (stored === undefined)
    throw new UsageError(`no run of a flow has the id "${id}", or it has not begun`)
  if (wantsJson(options)) {
    printJson({ job: job ?? null, ...stored, tree: drawRun(stored), failures: explainRun(stored) })
    return
  }
  const { name, id: flowId, state, version } = stored.flow
  print(`${name}  ${flowId}  ${state}${version === null ? '' : `  version ${version}`}`)
  print(drawRun(stored))
  const tree = explainRun(stored)
  if (tree !== '') print(`\n${tree}`)
}

function priorityFrom(text: string): Priority {
  const found = PRIORITIES.find((priority) => priority === text.toUpperCase())
  if (found === undefined)
    throw new UsageError(`the priority is "${text}", expected one of ${PRIORITIES.join(', ')}`)
  return found
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`the value "${text}" is not JSON; a text needs double quotes`, { cause })
  }
}
