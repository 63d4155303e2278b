import type { Command } from 'commander'
import { DATABASE_HELP } from '../options/database-url.ts'
import { addQuarantineList } from './list.ts'
import { addReinject } from './reinject.ts'
import { addQuarantineShow } from './show.ts'

const EXAMPLES = `
What the monitor could not read is kept whole, with the reason. After a fix (a newer version, a raised limit) it is read
again. What is read then becomes rows as if it had just come, and is resolved; the rest stays.

${DATABASE_HELP}

Examples:
  celery-toolbox quarantine list --code MESSAGE_UNDECODABLE
  celery-toolbox quarantine show 17
  celery-toolbox quarantine reinject --all --dry-run`

export function addQuarantine(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('see what the monitor could not read, and read it again')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(quarantine)
}

const COMMANDS = [addQuarantineList, addQuarantineShow, addReinject] as const
