import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { buildWholeProgram } from '../../src/cli/program/program.ts'

const page = readFileSync(resolve(import.meta.dirname, '../../docs/cli.md'), 'utf8')
const program = await buildWholeProgram()
const all = descendantsOf(program)
const commands = leavesOf(program)

test.each(commands.map((command) => [pathOf(command), command] as const))(
  'docs/cli.md has the help of "%s" word for word',
  (_path, command) => {
    expect(page).toContain(`\`\`\`text\n${helpOf(command)}\n\`\`\``)
  },
)

test.each([program, ...all].map((command) => [pathOf(command), command] as const))(
  'the help of "%s" fits 80 columns',
  (_path, command) => {
    expect(printed(command).filter(({ length }) => length > 80)).toEqual([])
  },
)

test('every option of every command is described', () => {
  const silent = commands.flatMap((command) =>
    command.options
      .filter(({ description }) => description === '')
      .map(({ flags }) => `${pathOf(command)} ${flags}`),
  )
  expect(silent).toEqual([])
})

test('docs/cli.md shows no help of a command that is gone', () => {
  const shown = [...page.matchAll(/^Usage: celery-toolbox (.*?)(?: \[options\].*| <.*)?$/gm)].map(
    ([, path]) => path,
  )
  expect(shown).toEqual(commands.map(pathOf))
})

/** The options alone: the examples below them are for the terminal. */
function helpOf(command: Command): string {
  command.configureHelp({ ...command.configureHelp(), showGlobalOptions: false, helpWidth: 100 })
  return command.helpInformation().trimEnd()
}

/** All that it prints, examples too, where the terminal has 80 columns. */
function printed(command: Command): readonly string[] {
  let text = ''
  command.configureOutput({
    getOutHelpWidth: () => 80,
    writeOut: (part) => {
      text += part
    },
  })
  command.configureHelp({ ...command.configureHelp(), showGlobalOptions: true, helpWidth: 80 })
  command.outputHelp()
  return text.split('\n')
}

function descendantsOf(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...descendantsOf(each)])
}

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

function pathOf(command: Command): string {
  const parent = command.parent
  return parent === null || parent.parent === null
    ? command.name()
    : `${pathOf(parent)} ${command.name()}`
}
