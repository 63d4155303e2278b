import type { Command } from 'commander'
import { addLettersList } from './list.ts'
import { addLettersRedrive } from './redrive.ts'
import { addLettersShow } from './show.ts'

const EXAMPLES = `
A worker keeps what it cannot run in dlq.<queue>, with the reason. To look at
messages, the command takes them and gives them back: meanwhile a second caller
does not see them, and Amazon SQS counts one more receive. RabbitMQ drops what a
quorum queue has delivered too often: there copies take their places, at its end.
"redrive" puts them back where they died, for after a fix, and warns of headers
that could not be kept.

Examples:
  celery-toolbox dead-letters list -A app.ts
  celery-toolbox dead-letters show 3f2a91c04d
  celery-toolbox dead-letters redrive --code TASK_REJECTED`

export function addDeadLetters(program: Command): void {
  const letters = program
    .command('dead-letters')
    .description('see what workers could not run, and put it back')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(letters)
}

const COMMANDS = [addLettersList, addLettersShow, addLettersRedrive] as const
