import type { Command } from 'commander'
import type { Broker } from '../../brokers/broker.ts'
import { type KeptLetter, redrive } from '../../brokers/dead-letters/kept-letters.ts'
import { UsageError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import { JSON_OUTPUT } from '../options/common-options.ts'
import { names, positiveInteger } from '../options/option-values.ts'
import { print, printError, printJson, wantsJson } from '../output/output.ts'
import { type LettersOptions, LIMIT, lettersOfQueues, MOST_LOOKED_AT, QUEUES } from './letters.ts'

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
  const report: Report = { redriven: [], stay: [], cut: [], missing: [] }
  const unseen = new Set(ids)
  for await (const { letters, broker } of lettersOfQueues(options)) {
    for (const { id } of letters) unseen.delete(id)
    await putBack(letters.filter(isWanted), broker, report)
    // Queues that hold none of them are left alone.
    if (ids.length > 0 && unseen.size === 0) break
  }
  report.missing.push(...unseen)
  if (wantsJson(options)) printJson(report)
  else print(`${report.redriven.length} put back`)
  for (const { id, headers } of report.cut) {
    printError(
      `warning: ${id} was put back without these headers, or with their beginning: ${headers}`,
    )
  }
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

interface Report {
  readonly redriven: string[]
  readonly stay: { readonly id: string; readonly reason: string }[]
  /** Those that are back, and are not as they were. */
  readonly cut: { readonly id: string; readonly headers: string }[]
  readonly missing: string[]
}

/** One after the other, so that those of a queue keep their order. */
async function putBack(
  letters: readonly KeptLetter[],
  broker: Broker,
  report: Report,
): Promise<void> {
  for (const letter of letters) {
    const { id, part, cut } = letter
    try {
      if (part !== null)
        throw new UsageError(
          `it is part ${part} of a message that was too large to keep whole; send that again from its source`,
        )
      await redrive(broker, letter)
      report.redriven.push(id)
      if (cut !== null) report.cut.push({ id, headers: cut })
    } catch (error) {
      report.stay.push({ id, reason: textOfError(error) })
    }
  }
}
