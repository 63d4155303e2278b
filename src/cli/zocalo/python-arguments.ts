import type { Command } from 'commander'

/** Commands whose options are read as Python's argparse reads them. */
const COMMANDS: ReadonlySet<string> = new Set([
  'dlq-check',
  'dlq-purge',
  'dlq-reinject',
  'go',
  'pickup',
  'queue-drain',
  'service',
  'shutdown',
  'wrap',
])

/** `-?` is help, and an unambiguous beginning of a long option is that option. */
export function likePython(args: readonly string[], program: Command): readonly string[] {
  const at = args.findIndex((arg) => COMMANDS.has(arg))
  const command = program.commands.find((one) => one.name() === args[at])
  if (command === undefined) return args
  const names = [...command.options, ...program.options].flatMap(({ long }) => long ?? [])
  let isOver = false
  return args.map((arg, index) => {
    isOver ||= arg === '--'
    if (index <= at || isOver) return arg
    return arg === '-?' ? '--help' : spelledOut(arg, [...names, '--help'])
  })
}

function spelledOut(arg: string, names: readonly string[]): string {
  const [, name = '', value = ''] = /^(--[a-z][a-z-]*)(=.*)?$/.exec(arg) ?? []
  if (name === '' || names.includes(name)) return arg
  const meant = new Set(names.filter((long) => long.startsWith(name)))
  const [only] = meant
  return meant.size === 1 && only !== undefined ? only + value : arg
}
