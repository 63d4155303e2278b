import type { Database } from '../../database/database.ts'
import { printError, printJson, wantsJson } from '../output/output.ts'
import type { TasksOptions } from './options/options.ts'

interface Asked<Found> {
  readonly id: string
  readonly database: Pick<Database, 'safeUrl'>
  readonly options: TasksOptions
  readonly printText: (found: Found) => void
}

/** Prints what was found of a task, as JSON or as text; a task that is not recorded is an error, with exit code 1. */
export function printFound<Found>(
  found: Found | undefined,
  { id, database, options, printText }: Asked<Found>,
): void {
  if (found === undefined) {
    printError(`error: no task with the id "${id}" is recorded in ${database.safeUrl}`)
    process.exitCode = 1
  } else if (wantsJson(options)) {
    printJson(found)
  } else {
    printText(found)
  }
}
