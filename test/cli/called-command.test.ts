import { expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/program.ts'

const all = namesOf(await buildProgram())

test.each<[string[], string]>([
  [['call', 'export.add'], 'call'],
  [['-A', 'worker', 'call', 'export.add'], 'call'],
  [['--app=worker', '-b', 'memory://', '--debug', 'tasks', 'list'], 'tasks'],
  [['worker', '-A', 'call'], 'worker'],
  [['queues', '--help'], 'queues'],
])('%j loads the command that is called, and no other', async (args, name) => {
  expect(namesOf(await buildProgram(args))).toEqual([name])
})

test.each([
  [[]],
  [['--help']],
  [['help', 'worker']],
  [['wroker']],
  [['constructor']],
  [['-A', 'worker']],
])('%j loads all commands, to list them or to suggest one', async (args) => {
  expect(namesOf(await buildProgram(args))).toEqual(all)
})

function namesOf({ commands }: Awaited<ReturnType<typeof buildProgram>>): string[] {
  return commands.map((command) => command.name())
}
