import type { Command } from 'commander'
import { type AddCommand, programWith } from './bare-program.ts'
import { COMMANDS } from './commands.ts'

/** The program with the command that is called. Of the others it has what its help and its errors show: names and summaries. */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const called = calledCommand(args)
  if (called === undefined && args.some((arg) => VERSION.includes(arg))) return programWith([])
  return programWith(
    await Promise.all(
      Object.entries(COMMANDS).map(([name, { summary, load }]) =>
        name === called ? load() : named(name, summary),
      ),
    ),
  )
}

/** The program with all its commands. */
export async function buildWholeProgram(): Promise<Command> {
  return programWith(await Promise.all(Object.values(COMMANDS).map(({ load }) => load())))
}

const VERSION: readonly string[] = ['-V', '--version']

function named(name: string, summary: string): AddCommand {
  return (program) => void program.command(name).description(summary)
}

/** Of the program's own options, those that are followed by a value. */
const WITH_VALUE: readonly string[] = ['-A', '--app', '-b', '--broker', '--result-backend']

/** The first argument that is neither an option of the program nor its value; after "help" the next one, whose help is shown. */
function calledCommand(args: readonly string[]): string | undefined {
  let isValue = false
  for (const arg of args) {
    const isOption = isValue || arg.startsWith('-')
    isValue = !isValue && WITH_VALUE.includes(arg)
    if (!isOption && arg !== 'help') return arg
  }
  return undefined
}
