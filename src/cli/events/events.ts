import type { Command } from 'commander'
import { startInterval } from '../../async/timer.ts'
import type { CeleryApp } from '../../create-app.ts'
import { UsageError } from '../../errors.ts'
import { EventReceiver } from '../../events/event-receiver.ts'
import { runUntilStopped } from '../../lifecycle/run-until-stopped.ts'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import { commandLogger, type GlobalOptions, openApp } from '../app/open-app.ts'
import { seconds } from '../options/option-values.ts'
import { jsonText } from '../output/json-text.ts'
import { isColoured, print, terminalWidth } from '../output/output.ts'
import { type Column, renderTable } from '../output/table.ts'
import { EventLines } from './event-line.ts'
import { SPANS, TaskRates, type TaskRow } from './task-rates.ts'

interface EventsOptions extends GlobalOptions {
  readonly dump?: boolean
  readonly json?: boolean
  readonly enable?: boolean
  readonly frequency: number
}

const EXAMPLES = `
Without --dump a table is shown: for each task name how many tasks end in a second, how long they wait and run, and how many fail,
over the last ${SPANS.join(', ')} s. Workers send events of tasks if they were started with -E, or after --enable. Ctrl-C ends the command.

Examples:
  celery-toolbox events -A app.ts --enable
  celery-toolbox events --dump
  celery-toolbox events --dump --json | jq 'select(.type == "task-failed")'`

export function addEvents(program: Command): void {
  program
    .command('events')
    .description('watch the events of workers: tasks by name, live, or each event')
    .option('-d, --dump', 'print each event, as "celery events --dump" does')
    .option('-j, --json', 'print JSON, one value a line')
    .option('-E, --enable', 'ask all workers to send events of tasks')
    .option('-F, --frequency <seconds>', 'seconds until the table is printed again', seconds, 1)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runEvents(command.optsWithGlobals<EventsOptions>())
    })
}

async function runEvents(options: EventsOptions): Promise<void> {
  await using app = await openApp(options)
  app.useLogger(await commandLogger(app.config, options))
  if (options.enable === true) await app.control.enableEvents()
  if (options.dump === true) await dump(app, options)
  else await top(app, options)
}

async function dump(app: CeleryApp, { json }: EventsOptions): Promise<void> {
  const lines = new EventLines()
  await listen(
    app,
    (event) => print(json === true ? jsonText(event) : lines.lineOf(event)),
    () => {
      if (json !== true) print('-> evdump: starting capture...')
    },
  )
}

async function top(app: CeleryApp, { json, frequency }: EventsOptions): Promise<void> {
  const rates = new TaskRates()
  const isScreen = json !== true && process.stdout.isTTY
  const show = (): void => {
    const rows = rates.rows()
    if (json === true) print(jsonText(rows.map(({ name, spans }) => ({ name, ...bySpan(spans) }))))
    else print(`${isScreen ? CLEARED : ''}${tableOf(rows)}`)
  }
  const looking = startInterval(Math.max(0.1, frequency) * 1_000, show)
  try {
    await listen(app, (event) => rates.onEvent(event))
  } finally {
    looking.clear()
  }
}

async function listen(
  app: CeleryApp,
  onEvent: (event: CeleryEvent) => void,
  onStarted?: () => void,
): Promise<void> {
  const broker = app.readingBroker()
  if (!broker.carriesEvents) {
    throw new UsageError(
      `${broker.safeUrl} does not carry events to several listeners; expected RabbitMQ (elsewhere the monitor has them: "tasks stats")`,
    )
  }
  const receiver = new EventReceiver({
    broker,
    settings: app.config,
    logger: app.logger,
    onEvent,
  })
  await runUntilStopped(
    { start: async () => receiver.start(), stop: async () => receiver.close() },
    { ...(onStarted !== undefined && { onStarted }) },
  )
}

/** Back to the upper left corner of an empty screen. */
const CLEARED = '\u001B[H\u001B[J'

function tableOf(rows: readonly TaskRow[]): string {
  return renderTable(COLUMNS, rows, { width: terminalWidth(), isColoured: isColoured() })
}

const COLUMNS: readonly Column<TaskRow>[] = [
  { title: 'task', value: ({ name }) => name },
  ...SPANS.flatMap((span, at): Column<TaskRow>[] => [
    column(`/s ${span}s`, ({ spans }) => spans[at]?.rate.toFixed(1)),
    column(`wait ${span}s`, ({ spans }) => shownSeconds(spans[at]?.wait)),
    column(`run ${span}s`, ({ spans }) => shownSeconds(spans[at]?.run)),
    {
      ...column(`failed ${span}s`, ({ spans }) => spans[at]?.failures),
      colour: ({ spans }) => (spans[at]?.failures ? '31' : undefined),
    },
  ]),
]

function column(title: string, value: (row: TaskRow) => unknown): Column<TaskRow> {
  return { title, value, align: 'right' }
}

function shownSeconds(value: number | undefined): string {
  if (value === undefined) return '–'
  return value < 1 ? `${(value * 1_000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(1)} s`
}

function bySpan(spans: TaskRow['spans']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(SPANS.map((span, at) => [`${span}s`, spans[at]]))
}
