import { type Logger, silentLogger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'

/** The log of a block that was given none: warnings and errors as warnings of the process, so that none is silent. */
export const processWarnings: Logger = {
  debug: silentLogger.debug,
  info: silentLogger.info,
  warn,
  error: warn,
  child: () => processWarnings,
}

function warn(fields: Readonly<Record<string, unknown>> | string, sentence = ''): void {
  if (typeof fields === 'string') process.emitWarning(fields, 'StreamWarning')
  else process.emitWarning(`${sentence} ${shown(fields)}`, 'StreamWarning')
}

function shown(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${textOfError(value)}`)
    .join(' ')
}
