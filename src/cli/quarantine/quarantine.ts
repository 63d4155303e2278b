import type { Command } from 'commander'
import { DATABASE_HELP } from '../options/database-url.ts'
import { addQuarantineList } from './list.ts'
import { addReinject } from './reinject.ts'
import { addQuarantineShow } from './show.ts'

const EXAMPLES = `
The monitor keeps each message that it could not read, whole and with the reason. After a fix (a newer version, a raised limit)
"reinject" reads them again: those that can be read now are recorded as if they had just come, and marked as resolved; the others stay.

${DATABASE_HELP}

Examples:
  celery-toolbox quarantine list --code MESSAGE_UNDECODABLE
  celery-toolbox quarantine show 17
  celery-toolbox quarantine reinject --all --dry-run`

export function addQuarantine(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('show messages that the monitor could not read, and read them again')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(quarantine)
}

const COMMANDS = [addQuarantineList, addQuarantineShow, addReinject] as const
