import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError } from '../errors.ts'
import { isRecord } from '../protocol/field-readers.ts'
import { textOfError } from '../text-of-error.ts'

type LoadPart = () => Promise<unknown>
type Parts = Readonly<Record<string, LoadPart>>

/** What a project adds, by the entry "celery-toolbox" of its package.json: `NAME: "./file.mjs#Export"`. */
export interface PackageParts {
  readonly services: Parts
  readonly wrappers: Parts
  readonly filters: Parts
  readonly readyForProcessing: Parts
  /** Of the site configuration. */
  readonly plugins: Parts
}

/** Of the package.json in the folder. Throws `UsageError` for entries that name nothing. */
export function packageParts(folder = process.cwd()): PackageParts {
  const entry = entryOf(folder)
  const dispatcher = isRecord(entry.dispatcher) ? entry.dispatcher : {}
  const read = (parts: unknown, what: string): Parts => partsOf(parts, { what, folder })
  return {
    services: read(entry.services, 'services'),
    wrappers: read(entry.wrappers, 'wrappers'),
    filters: read(dispatcher.filters, 'dispatcher.filters'),
    readyForProcessing: read(dispatcher.readyForProcessing, 'dispatcher.readyForProcessing'),
    plugins: read(entry.plugins, 'plugins'),
  }
}

/** `./file.mjs#Export`, or a package's; without a name its default export. */
export async function loadPart(place: string, folder = process.cwd()): Promise<unknown> {
  const at = place.lastIndexOf('#')
  const [path, name] = at < 0 ? [place, 'default'] : [place.slice(0, at), place.slice(at + 1)]
  const file = fileOf(path, folder)
  let module: Readonly<Record<string, unknown>>
  try {
    module = await import(pathToFileURL(file).href)
  } catch (cause) {
    const reason = textOfError(cause)
    throw new UsageError(`cannot load ${path}: ${reason}`, { cause })
  }
  const part = module[name]
  if (part !== undefined) return part
  throw new UsageError(`${path} exports no "${name}"; it exports ${Object.keys(module).join(', ')}`)
}

export async function loadAll(parts: Parts): Promise<Record<string, unknown>> {
  const loaded: Record<string, unknown> = {}
  for (const [name, load] of Object.entries(parts)) loaded[name] = await load()
  return loaded
}

function fileOf(path: string, folder: string): string {
  const file = resolve(folder, path)
  if (existsSync(file)) return file
  try {
    return createRequire(join(folder, 'package.json')).resolve(path)
  } catch (cause) {
    throw new UsageError(`there is no ${path} in ${folder}, and no such package`, { cause })
  }
}

function entryOf(folder: string): Readonly<Record<string, unknown>> {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return {}
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const entry = isRecord(parsed) ? parsed['celery-toolbox'] : undefined
    return isRecord(entry) ? entry : {}
  } catch (cause) {
    throw new UsageError(`${file} is not JSON`, { cause })
  }
}

function partsOf(given: unknown, { what, folder }: { what: string; folder: string }): Parts {
  if (given === undefined) return {}
  if (!isRecord(given)) throw new UsageError(`${what} in package.json: expected an object of names`)
  return Object.fromEntries(
    Object.entries(given).map(([name, place]) => {
      if (typeof place !== 'string') {
        throw new UsageError(`${what}.${name} in package.json: expected "./file.mjs#Export"`)
      }
      return [name, () => loadPart(place, folder)]
    }),
  )
}
