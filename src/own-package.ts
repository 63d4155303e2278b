import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError } from './errors.ts'
import { ownPath, requirePackage } from './installed-packages.ts'

const NAME = 'celery-toolbox'

/** The version of this package; "unknown" in a bundle without the package beside it. */
export function version(): string {
  const folder = ownFolder()
  return folder === undefined ? 'unknown' : String(manifestOf(folder)?.version)
}

/**
 * The path of a file of this package that is read or run by its path, by where its source is: "src/pool-child.ts". The
 * build bundles modules into others, so no module can look for it beside itself.
 *
 * @throws ConfigError in an application's bundle, where the package is not installed beside it
 */
export function ownFile(source: string): string {
  const folder = ownFolder()
  if (folder === undefined) {
    throw new ConfigError([
      `"${source}" of ${NAME} cannot be bundled into ${ownPath}: run npm install ${NAME} in its folder`,
    ])
  }
  return ownPath.endsWith('.ts')
    ? join(folder, source)
    : join(folder, 'dist', source.replace(/\.ts$/, '.js'))
}

let found: { readonly folder: string | undefined } | undefined

/** A CommonJS package; of our own build the single file that it makes of the package's many, which loads in a third of the time. */
export function requireBuilt(name: string): ReturnType<NodeJS.Require> {
  return requirePackage(builtFile(name) ?? name)
}

/** The single file that our own build makes of a package; undefined where sources run, and in an application's bundle. */
export function builtFile(name: string): string | undefined {
  const folder = ownPath.endsWith('.ts') ? undefined : ownFolder()
  const file = folder === undefined ? '' : join(folder, 'dist', 'packages', `${name}.cjs`)
  return existsSync(file) ? file : undefined
}

/** Of the package whose files are running, or in a bundle of the one that is installed beside it. */
function ownFolder(): string | undefined {
  found ??= { folder: enclosingFolder(dirname(ownPath)) ?? installedFolder() }
  return found.folder
}

function enclosingFolder(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (manifestOf(folder)?.name === NAME) return folder
    if (folder === dirname(folder)) return undefined
  }
}

function installedFolder(): string | undefined {
  try {
    return dirname(requirePackage.resolve(`${NAME}/package.json`))
  } catch {
    // Not installed there: the caller says what was looked for.
    return undefined
  }
}

/** Undefined where there is none, or none that can be read: a folder above may hold anything. */
function manifestOf(folder: string): { name?: unknown; version?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) ?? undefined
  } catch {
    return undefined
  }
}
