import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CeleryApp } from '../../create-app.ts'
import { UsageError } from '../../errors.ts'
import { ownPath } from '../../installed-packages.ts'
import { asUsageError } from '../failure.ts'
import { importModules } from './import-modules.ts'

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.cjs']
const MAIN_NAMES = ['app', 'celery', 'index', 'src/app', 'src/celery', 'src/index']
const EXPORT_NAMES = ['app', 'celery', 'default']

/**
 * Loads the app that `-A` names: a file, a folder or an installed package, with the app as its export `app` or as its
 * default export; `app.ts:other` names another export.
 */
export async function loadApp(spec: string, directory = process.cwd()): Promise<CeleryApp> {
  const [place, exportName] = splitSpec(spec, directory)
  const file = resolveApp(place, directory)
  if (isTypeScript(file)) await prepareTypeScript(file, directory)
  const module = await load(file, spec)
  const app = appIn(module, spec, exportName)
  await importModules(app.config, file)
  return app
}

/** The file of that app. */
export function fileOfApp(spec: string, directory = process.cwd()): string {
  return resolveApp(splitSpec(spec, directory)[0], directory)
}

/** The last `:name` is an export, unless all of it is a file (C:\app.ts). */
function splitSpec(spec: string, directory: string): readonly [string, string | undefined] {
  const match = /^(.+):([A-Za-z_$][\w$]*)$/.exec(spec)
  if (match === null || existsSync(resolve(directory, spec))) return [spec, undefined]
  return [match[1] ?? spec, match[2]]
}

export function resolveApp(spec: string, directory: string): string {
  const path = resolve(directory, spec)
  const candidates = isFolder(path) ? filesOfFolder(path) : [path, ...withExtensions(path)]
  const found = candidates.find(isFile) ?? installed(spec, directory)
  if (found !== undefined) return found
  throw new UsageError(
    `cannot find the app "${spec}": expected a file (app.ts, app.js), a folder with one, or an installed package`,
  )
}

function filesOfFolder(folder: string): string[] {
  return [mainOf(folder), ...MAIN_NAMES.flatMap((name) => withExtensions(join(folder, name)))]
}

function withExtensions(path: string): string[] {
  return EXTENSIONS.map((extension) => path + extension)
}

/** What the folder's package.json says it is entered by. */
function mainOf(folder: string): string {
  try {
    return createRequire(join(folder, 'package.json')).resolve(folder)
  } catch {
    // No package, or one without an entry that is there: the usual names are tried.
    return ''
  }
}

function installed(spec: string, directory: string): string | undefined {
  if (/^[./\\]/.test(spec)) return undefined
  try {
    return createRequire(join(directory, 'package.json')).resolve(spec)
  } catch {
    // Not installed: the caller says what was looked for.
    return undefined
  }
}

function isTypeScript(file: string): boolean {
  return ['.ts', '.mts', '.cts'].includes(extname(file))
}

/**
 * tsx, where it is installed; newer versions of Node read TypeScript themselves. Both of its halves: a package of
 * CommonJS requires what it imports.
 */
async function prepareTypeScript(file: string, directory: string): Promise<void> {
  const halves = ['tsx/cjs/api', 'tsx/esm/api'].map(
    (half) => installed(half, directory) ?? installed(half, dirname(ownPath)),
  )
  if (halves.every((half) => half !== undefined)) {
    for (const half of halves) await register(half)
    return
  }
  if ('typescript' in process.features && process.features.typescript) return
  throw new UsageError(
    `"${file}" is TypeScript, which Node.js ${process.versions.node} cannot read by itself: ` +
      'install tsx beside it (npm install --save-dev tsx), or compile it and name the .js file',
  )
}

/** Node finds packages of another folder as require() does; what we need is the module beside it. */
async function register(half: string): Promise<void> {
  const api: { register(): unknown } = await import(
    pathToFileURL(half.replace(/\.cjs$/, '.mjs')).href
  )
  api.register()
}

async function load(file: string, spec: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(file).href)
  } catch (cause) {
    throw asUsageError(`cannot load the app "${spec}"`, cause)
  }
}

function appIn(
  module: Record<string, unknown>,
  spec: string,
  exportName: string | undefined,
): CeleryApp {
  const exported = { ...unwrapped(module.default), ...module }
  const wanted = exportName === undefined ? EXPORT_NAMES : [exportName]
  const found = wanted.map((name) => exported[name]).find(isApp)
  if (found !== undefined) return found
  const names = Object.keys(module).join(', ') || 'nothing'
  const expected =
    exportName === undefined
      ? '"export const app = createApp(config)", or an app as the default export'
      : `an app as "${exportName}"`
  throw new UsageError(`"${spec}" has no app: it exports ${names}; expected ${expected}`)
}

/** What CommonJS exports comes as the default export. */
function unwrapped(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !isApp(value)
    ? (value as Record<string, unknown>) // any object can be looked into
    : {}
}

/** By its shape: the app may come from a copy of the toolbox of its own. */
function isApp(value: unknown): value is CeleryApp {
  return (
    typeof value === 'object' &&
    value !== null &&
    'config' in value &&
    'tasks' in value &&
    'worker' in value &&
    typeof value.worker === 'function'
  )
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function isFile(path: string): boolean {
  return path !== '' && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
}
