import type { Command } from 'commander'
import type { Broker } from '../../brokers/broker.ts'
import { type KeptLetter, redrive } from '../../brokers/dead-letters/kept-letters.ts'
import { UsageError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import { JSON_OUTPUT } from '../options/common-options.ts'
import { names, positiveInteger } from '../options/option-values.ts'
import { print, printError, printJson, wantsJson } from '../output/output.ts'
import { type LettersOptions, LIMIT, MOST_LOOKED_AT, QUEUES, withLetters } from './letters.ts'

interface RedriveOptions extends LettersOptions {
  readonly code?: string
  readonly all?: boolean
}

export function addLettersRedrive(letters: Command): void {
  letters
    .command('redrive')
    .argument('[ids...]', 'the dead letters to put back')
    .description('put dead letters back into the queues they died in')
    .option('--code <code>', 'all messages with this code')
    .option('--all', 'all messages')
    .option(...QUEUES, names)
    .option(...LIMIT, positiveInteger, MOST_LOOKED_AT)
    .option(...JSON_OUTPUT)
    .action(async (ids: readonly string[], _options, command: Command) => {
      await runRedrive(ids, command.optsWithGlobals<RedriveOptions>())
    })
}

async function runRedrive(ids: readonly string[], options: RedriveOptions): Promise<void> {
  const isWanted = selection(ids, options)
  const report = await withLetters(options, async (letters, broker) => {
    const outcomes = await putBack(letters.filter(isWanted), broker)
    const missing = ids.filter((id) => !letters.some((letter) => letter.id === id))
    return { ...outcomes, missing }
  })
  if (wantsJson(options)) printJson(report)
  else print(`${report.redriven.length} put back`)
  for (const { id, reason } of report.stay) printError(`error: ${id} stays: ${reason}`)
  if (report.missing.length > 0) {
    printError(`error: no dead letter: ${report.missing.join(', ')}`)
  }
  if (report.missing.length + report.stay.length > 0) process.exitCode = 1
}

function selection(
  ids: readonly string[],
  { code, all }: RedriveOptions,
): (letter: KeptLetter) => boolean {
  const given = [ids.length > 0, code !== undefined, all === true].filter(Boolean)
  if (given.length !== 1) {
    throw new UsageError('say which dead letters: by their ids, by --code, or with --all')
  }
  return (letter) => all === true || letter.code === code || ids.includes(letter.id)
}

/** One after the other, so that those of a queue keep their order. */
async function putBack(letters: readonly KeptLetter[], broker: Broker) {
  const redriven: string[] = []
  const stay: { readonly id: string; readonly reason: string }[] = []
  for (const letter of letters) {
    try {
      if (letter.part !== null) throw new UsageError(`it is part ${letter.part} of one message`)
      await redrive(broker, letter)
      redriven.push(letter.id)
    } catch (error) {
      stay.push({ id: letter.id, reason: textOfError(error) })
    }
  }
  return { redriven, stay }
}
