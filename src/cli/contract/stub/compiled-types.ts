import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { UsageError } from '../../../errors.ts'
import { type Declarations, readDeclarations } from './declarations.ts'
import type { TypeNode } from './parse-type.ts'

/** A project as its compiler declares it: .d.ts files, without their ending, from the project's folder. */
export class CompiledTypes {
  readonly #files: ReadonlyMap<string, Declarations>

  constructor(texts: ReadonlyMap<string, string>) {
    this.#files = new Map([...texts].map(([file, each]) => [file, readDeclarations(each)]))
  }

  get files(): ReadonlyMap<string, Declarations> {
    return this.#files
  }

  /** The type of that name in a file, wherever it is imported from, and the file that declares it. */
  typeNamed(name: string, file: string): readonly [TypeNode, string] | undefined {
    const declared = this.#files.get(file)
    const type = declared?.types.get(name)
    if (type !== undefined) return [type, file]
    const [specifier, there] = declared?.imports.get(name) ?? ['', '']
    if (!specifier.startsWith('.')) return undefined
    const target = join(dirname(file), specifier.replace(/\.[cm]?[jt]s$/, ''))
    const found = this.#files.has(target) ? target : join(target, 'index')
    return this.#files.has(found) ? this.typeNamed(there, found) : undefined
  }
}

interface Compiled {
  readonly types: CompiledTypes
  /** The folder that the files are named from. */
  readonly root: string
}

/** Has the project's own compiler declare its types, into a folder that is removed. */
export async function compileTypes(file: string): Promise<Compiled> {
  const compiler = compilerFor(file)
  const project = projectOf(dirname(file))
  const root = project === undefined ? dirname(file) : dirname(project)
  const out = mkdtempSync(join(tmpdir(), 'celery-toolbox-stub-'))
  try {
    const input = project === undefined ? [file, ...WITHOUT_PROJECT] : ['-p', project]
    const flags = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--allowJs']
    const where = ['--outDir', out, '--declarationDir', out, '--rootDir', root]
    const complaints = await run(compiler, [...input, ...flags, ...where, ...UNWANTED])
    const types = new CompiledTypes(textsIn(out))
    if (types.files.size > 0) return { types, root }
    throw new UsageError(`the compiler declared no types of ${file}: ${complaints.trim()}`)
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

const UNWANTED = ['--composite', 'false', '--incremental', 'false', '--declarationMap', 'false']
const WITHOUT_PROJECT = ['--module', 'nodenext', '--target', 'es2023', '--strict', '--skipLibCheck']

function compilerFor(file: string): string {
  try {
    const manifest = createRequire(file).resolve('typescript/package.json')
    return join(dirname(manifest), 'bin/tsc')
  } catch (cause) {
    throw new UsageError(
      'types are read by the compiler of the project: npm install --save-dev typescript',
      { cause },
    )
  }
}

function projectOf(folder: string): string | undefined {
  const path = join(folder, 'tsconfig.json')
  if (existsSync(path)) return path
  const above = dirname(folder)
  return above === folder ? undefined : projectOf(above)
}

/** What it complains of; mistakes elsewhere in the project do not keep it from declaring. */
async function run(compiler: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [compiler, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, errors] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return out + errors
}

function textsIn(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const declared = names.filter((name) => /\.d\.[cm]?ts$/.test(name))
  return new Map(
    declared.map((name) => [
      name.replace(/\.d\.[cm]?ts$/, ''),
      readFileSync(join(folder, name), 'utf8'),
    ]),
  )
}

/** The source of a declared file; undefined where it is not found beside it. */
export function sourceOf(file: string, root: string): string | undefined {
  const path = resolve(root, file)
  return ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs']
    .map((ending) => path + ending)
    .find((each) => existsSync(each))
}
