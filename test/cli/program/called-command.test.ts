import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../../src/cli/program/commands.ts'
import { buildProgram, buildWholeProgram } from '../../../src/cli/program/program.ts'

const whole = await buildWholeProgram()

test.each<[string[], string]>([
  [['call', 'export.add'], 'call'],
  [['-A', 'worker', 'call', 'export.add'], 'call'],
  [['--app=worker', '-b', 'memory://', '--debug', 'tasks', 'list'], 'tasks'],
  [['-b', '-A', 'migrate', 'up'], 'migrate'],
  [['worker', '-A', 'call'], 'worker'],
  [['queues', '--help'], 'queues'],
  [['help', 'worker'], 'worker'],
  [['-A', 'app.ts', 'help', 'worker'], 'worker'],
])('%j loads the command that is called, and no other', async (args, name) => {
  expect(loadedIn(await buildProgram(args))).toEqual([name])
})

test.each([[[]], [['--help']], [['help']], [['wroker']], [['constructor']], [['-A', 'worker']]])(
  '%j loads no command, and knows the names and summaries of all',
  async (args) => {
    const program = await buildProgram(args)
    expect(loadedIn(program)).toEqual([])
    expect(program.helpInformation()).toBe(whole.helpInformation())
  },
)

test.each(whole.commands.map((command) => [command.name(), command] as const))(
  'the help of the program says of "%s" what the command says of itself',
  (name, command) => {
    expect(COMMANDS[name]?.summary).toBe(command.description())
  },
)

test('the commands come in the order of the help', () => {
  expect(whole.commands.map((command) => command.name())).toEqual(Object.keys(COMMANDS))
})

/** A command that is not loaded has a name and a summary alone. */
function loadedIn({ commands }: Command): string[] {
  return commands
    .filter(({ options, commands: parts }) => options.length + parts.length > 0)
    .map((command) => command.name())
}
