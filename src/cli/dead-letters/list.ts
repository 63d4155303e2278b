import type { Command } from 'commander'
import type { KeptLetter } from '../../brokers/dead-letters/kept-letters.ts'
import { JSON_OUTPUT } from '../options/common-options.ts'
import { names, positiveInteger } from '../options/option-values.ts'
import { printJson, printTable, wantsJson } from '../output/output.ts'
import { type LettersOptions, LIMIT, lettersOfQueues, QUEUES } from './letters.ts'

export function addLettersList(letters: Command): void {
  letters
    .command('list')
    .description('list the dead letters of the work queues and the platform queue')
    .option(...QUEUES, names)
    .option(...LIMIT, positiveInteger, 50)
    .option(...JSON_OUTPUT)
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<LettersOptions>()
      const rows: Row[] = []
      for await (const { letters } of lettersOfQueues(options)) rows.push(...letters.map(rowOf))
      if (wantsJson(options)) printJson(rows)
      else printTable(COLUMNS, rows)
    })
}

type Row = ReturnType<typeof rowOf>

function rowOf({ delivery: _, message, ...letter }: KeptLetter) {
  return { ...letter, bodyBytes: message.body.length }
}

const COLUMNS = [
  { title: 'id', value: ({ id }: Row) => id, isWhole: true },
  { title: 'kept', value: ({ keptAt }: Row) => keptAt },
  { title: 'queue', value: ({ queue }: Row) => queue },
  { title: 'task', value: ({ task }: Row) => task },
  { title: 'task id', value: ({ taskId }: Row) => taskId },
  { title: 'code', value: ({ code }: Row) => code, isWhole: true },
  { title: 'reason', value: ({ reason }: Row) => reason },
]
