import type { Command } from 'commander'
import { addLettersList } from './list.ts'
import { addLettersRedrive } from './redrive.ts'
import { addLettersShow } from './show.ts'

const EXAMPLES = `
A worker keeps what it cannot run in dlq.<queue>, with the reason. To look at
messages, the command takes them and gives them back: meanwhile a second caller
does not see them, and Amazon SQS counts one more receive. A quorum queue of
RabbitMQ drops messages that it has delivered too often: there each message is
replaced by a copy at the end of the queue. After a fix, "redrive" puts messages
back into the queues they died in, and warns of headers that could not be kept.

Examples:
  celery-toolbox dead-letters list -A app.ts
  celery-toolbox dead-letters show 3f2a91c04d
  celery-toolbox dead-letters redrive --code TASK_REJECTED`

export function addDeadLetters(program: Command): void {
  const letters = program
    .command('dead-letters')
    .description('show messages that workers could not run, and put them back')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(letters)
}

const COMMANDS = [addLettersList, addLettersShow, addLettersRedrive] as const
