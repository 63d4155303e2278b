import type { Command } from 'commander'
import type { KeptLetter } from '../../brokers/dead-letters/kept-letters.ts'
import { UsageError } from '../../errors.ts'
import { JSON_OUTPUT } from '../options/common-options.ts'
import { names, positiveInteger } from '../options/option-values.ts'
import { jsonText } from '../output/json-text.ts'
import { print, printJson, wantsJson } from '../output/output.ts'
import { cellText } from '../output/table.ts'
import { type LettersOptions, LIMIT, lettersOfQueues, MOST_LOOKED_AT, QUEUES } from './letters.ts'

export function addLettersShow(letters: Command): void {
  letters
    .command('show')
    .argument('<id>', 'its id, as "list" shows it')
    .description('show one dead letter, with its body')
    .option(...QUEUES, names)
    .option(...LIMIT, positiveInteger, MOST_LOOKED_AT)
    .option(...JSON_OUTPUT)
    .action(async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<LettersOptions>()
      const letter = await letterWith(id, options)
      if (wantsJson(options)) printJson(letter)
      else printLetter(letter)
    })
}

/** Later queues are not looked at. */
async function letterWith(id: string, options: LettersOptions): Promise<ShownLetter> {
  for await (const { letters } of lettersOfQueues(options)) {
    const found = letters.find((letter) => letter.id === id)
    if (found !== undefined) return shown(found)
  }
  throw new UsageError(`there is no dead letter ${id}; see "list"`)
}

type ShownLetter = ReturnType<typeof shown>

/** The body as text where it is text, else in base64. */
function shown({ delivery: _, message, ...letter }: KeptLetter) {
  const { headers, properties, body } = message
  const text = body.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(body)
  const content = isText ? { body: text } : { bodyBase64: body.toString('base64') }
  return { ...letter, headers, properties, ...content }
}

function printLetter({ body, bodyBase64, ...fields }: ShownLetter): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) continue
    print(`${name.padEnd(10)}  ${cellText(typeof value === 'object' ? jsonText(value) : value)}`)
  }
  const text = body ?? bodyBase64 ?? ''
  print(`\n${cellText(text.slice(0, MOST_SHOWN))}`)
  if (text.length > MOST_SHOWN) print('… (--json prints all of it)')
}

const MOST_SHOWN = 4_000
