import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { expect, onTestFinished, test } from 'vitest'
import { buildWholeProgram } from '../../src/cli/program/program.ts'
import { MODULES, write } from '../projects/project.ts'
import { startProcess } from '../support/processes.ts'
import { PROJECT, service } from '../support/services.ts'

const PAGES = [
  'README.md',
  ...readdirSync(join(PROJECT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** A name that stands outside of the snippet, and what follows from not knowing it. */
const OUTSIDE = /TS(?:2304|2552|18004|7006|7031|2307: Cannot find module '\.)/

test('every TypeScript snippet of README and docs compiles, what stands outside of it left open', async () => {
  const folder = folderInside()
  const found = blocks('ts')
  for (const { place, text } of found) write(folder, `${place}.ts`, `${text}\nexport {}\n`)
  expect(found.length).toBeGreaterThan(45)
  const flags = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--allowImportingTsExtensions',
  ]
  const target = ['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable']
  const files = found.map(({ place }) => `${place}.ts`)
  const tsc = join(MODULES, '.bin/tsc')
  const compiler = startProcess(tsc, [...flags, ...target, '--types', 'node', ...files], {
    cwd: folder,
  })
  await compiler.exited
  const wrong = compiler.stdout
    .split('\n')
    .filter((line) => /error TS/.test(line) && !OUTSIDE.test(line))
  expect(wrong).toEqual([])
})

test('every Python snippet of README and docs is Python', async () => {
  const found = blocks('python')
  expect(found.length).toBeGreaterThan(5)
  const program = `
import ast, json, sys, textwrap
for place, text in json.load(sys.stdin):
    try:
        ast.parse(textwrap.dedent(text))
    except SyntaxError as error:
        print(place, error)
`
  const input = JSON.stringify(found.map(({ place, text }) => [place, text]))
  const python = startProcess(service('PYTHON_CELERY'), ['-c', program], { input })
  await python.exited
  expect(python.output).toBe('')
})

test('every command of README and docs exists, with the options it is given', async () => {
  const program = await buildWholeProgram()
  const lines = [...blocks('sh'), ...blocks('bash')].flatMap(({ place, text }) =>
    text
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .flatMap((line) => {
        const [, command] =
          /^\s*(?:\$ )?(?:\w+=\S+ )*(?:npx )?celery-toolbox ([^#|>&;]*)/.exec(line) ?? []
        return command === undefined ? [] : [{ place, command }]
      }),
  )
  expect(lines.length).toBeGreaterThan(20)
  expect(lines.flatMap(({ place, command }) => strangersIn(program, place, command))).toEqual([])
})

interface Snippet {
  readonly place: string
  readonly text: string
}

function blocks(language: string): readonly Snippet[] {
  return PAGES.flatMap((page) => {
    const text = readFileSync(join(PROJECT, page), 'utf8')
    const found = text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'))
    return [...found].map(({ index, 1: body = '' }) => ({
      place: `${page.replaceAll(/\W/g, '_')}_${text.slice(0, index).split('\n').length}`,
      text: body,
    }))
  })
}

/** Inside the project, so that its own name leads to it. */
function folderInside(): string {
  const folder = mkdtempSync(join(PROJECT, '.snippets-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The options of a command line that its command does not know, or that there is no such command. */
function strangersIn(program: Command, place: string, line: string): readonly string[] {
  const words = line.trim().split(/\s+/)
  const path: Command[] = [program]
  for (const word of words) {
    const child = path.at(-1)?.commands.find((each) => each.name() === word)
    if (child !== undefined) path.push(child)
  }
  if (path.length === 1) return [`${place}: no command in "${line.trim()}"`]
  const known = new Set(
    path.flatMap(({ options }) => options.flatMap(({ short, long }) => [short, long])),
  )
  return words
    .filter((word) => /^--?[a-zA-Z]/.test(word) && !known.has(word.replace(/=.*/, '')))
    .map((word) => `${place}: ${word} in "${line.trim()}"`)
}
