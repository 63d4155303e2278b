import { type Command, InvalidArgumentError, Option } from 'commander'
import { UsageError } from '../../errors.ts'

/** Options that Celery's worker has, and that this one refuses by saying what does the same. */
const REFUSED: readonly (readonly [flags: string, instead: string])[] = [
  [
    '-D, --detach',
    'a service manager runs a worker in the background: celery-toolbox multi prints units for systemd',
  ],
  [
    '-f, --logfile <file>',
    'the log goes to standard error, and to app.info.log where SETUP_FILE_LOGGING is set; or: celery-toolbox worker … 2> worker.log',
  ],
  ['--uid <uid>', 'a service manager starts a worker as another user: User= of its systemd unit'],
  ['--gid <gid>', 'a service manager starts a worker in another group: Group= of its systemd unit'],
  ['-B, --beat', 'schedules are run by celery beat, beside the workers'],
]

/** Adds those to a worker's command. They stand in no help. */
export function addCeleryOptions(command: Command): Command {
  for (const [flags, instead] of REFUSED) {
    const [name = flags] = flags.split(' <')
    command.addOption(
      new Option(flags, instead)
        .hideHelp()
        // An option without a value is parsed where it has one preset.
        .preset(name)
        .argParser(() => {
          throw new UsageError(`${name} is not taken: ${instead}`)
        }),
    )
  }
  return command
}

/** Celery's `-O`: each message goes to a worker that has a slot free, which Celery calls fair. */
export function optimization(text: string): string {
  if (text === 'fair' || text === 'default') return text
  throw new InvalidArgumentError('Expected fair or default; both do the same.')
}
