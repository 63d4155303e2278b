import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Config } from '../../config/config.ts'
import { UsageError } from '../../errors.ts'
import { asUsageError } from '../failure.ts'

const EXTENSIONS = ['', '.ts', '.mts', '.js', '.mjs', '.cjs', '/index.ts', '/index.js']

/** Loads the modules that declare an app's tasks: `imports` and `include`, by paths relative to the app's file. */
export async function importModules(config: Config, appFile: string): Promise<void> {
  // An app may bring a copy of the toolbox of its own, from before these settings had an effect.
  if (typeof config.source !== 'function') return
  for (const setting of ['imports', 'include'] as const) {
    // The default is a module of Python.
    if (config.source(setting) === 'default') continue
    for (const name of config[setting]) await importModule(name, setting, dirname(appFile))
  }
}

async function importModule(name: string, setting: string, folder: string): Promise<void> {
  const file = fileOf(name, folder)
  if (file === undefined) {
    throw new UsageError(
      `${setting} names "${name}", which is not a file in ${folder} or an installed package; ` +
        'expected a path relative to the file of the app, such as ./tasks.ts',
    )
  }
  try {
    await import(pathToFileURL(file).href)
  } catch (cause) {
    throw asUsageError(`cannot load "${name}", which ${setting} names`, cause)
  }
}

/** A path, Python's dotted form of one ("app.tasks" is app/tasks), or a package. */
function fileOf(name: string, folder: string): string | undefined {
  const places = [name, name.replaceAll('.', '/')].map((path) => resolve(folder, path))
  const files = places.flatMap((place) => EXTENSIONS.map((extension) => place + extension))
  return (
    files.find((file) => /\.[cm]?[jt]s$/.test(file) && existsSync(file)) ?? packageOf(name, folder)
  )
}

function packageOf(name: string, folder: string): string | undefined {
  if (/^[./\\]/.test(name)) return undefined
  try {
    return createRequire(resolve(folder, 'package.json')).resolve(name)
  } catch {
    return undefined // the caller says what was looked for
  }
}
