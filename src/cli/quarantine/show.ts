import type { Command } from 'commander'
import type { ShownQuarantine } from '../../monitor/quarantine/list-quarantine.ts'
import { DATABASE, JSON_OUTPUT } from '../options/common-options.ts'
import { openCommandDatabase } from '../options/open-database.ts'
import { positiveInteger } from '../options/option-values.ts'
import { jsonText } from '../output/json-text.ts'
import { print, printJson, wantsJson } from '../output/output.ts'
import { cellText } from '../output/table.ts'
import type { TasksOptions } from '../tasks/options/options.ts'

export function addQuarantineShow(quarantine: Command): void {
  quarantine
    .command('show')
    .argument('<id>', 'its id, as "list" shows it', positiveInteger)
    .description('show one message in quarantine, with its body')
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .action(async (id: number, _options, command: Command) => {
      await runShow(id, command.optsWithGlobals<TasksOptions>())
    })
}

async function runShow(id: number, options: TasksOptions): Promise<void> {
  const { showQuarantine } = await import('../../monitor/quarantine/list-quarantine.ts')
  await using database = await openCommandDatabase(options)
  const shown = await showQuarantine(database, id)
  if (wantsJson(options)) printJson(forJson(shown))
  else printShown(shown)
}

/** The body as text where it is text, else in base64. */
function forJson({ message, ...rest }: ShownQuarantine) {
  const { headers, properties, body } = message
  const text = body.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(body)
  return {
    ...rest,
    headers,
    properties,
    ...(isText ? { body: text } : { bodyBase64: body.toString('base64') }),
  }
}

function printShown(shown: ShownQuarantine): void {
  const { message, route: _route, ...fields } = shown
  const { headers, properties, body } = message
  const lines = Object.entries({ ...fields, headers, properties }).filter(
    ([, value]) => value !== null,
  )
  for (const [name, value] of lines) print(`${name.padEnd(10)}  ${fieldText(value)}`)
  print(`\n${cellText(body.toString('utf8').slice(0, MOST_SHOWN))}`)
  if (body.length > MOST_SHOWN) print('… (--json prints all of it)')
}

const MOST_SHOWN = 4_000

function fieldText(value: unknown): string {
  return cellText(typeof value === 'object' && !(value instanceof Date) ? jsonText(value) : value)
}
