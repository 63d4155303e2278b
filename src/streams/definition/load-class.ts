import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * What `./file.js#Export` (in the folder of the block file, or below it) or `package#Export` names. Other folders and
 * urls are refused: a block file must not be able to run what lies anywhere.
 */
export async function loadClass(name: string, blockFile: string): Promise<unknown> {
  const [place = '', exportName = 'default'] = name.split('#')
  const file = placeOf(place, blockFile)
  const module: Record<string, unknown> = await import(pathToFileURL(file).href)
  if (exportName in module) return module[exportName]
  throw new Error(
    `${place} has no export "${exportName}"; it has ${Object.keys(module).join(', ') || 'none'}`,
  )
}

function placeOf(place: string, blockFile: string): string {
  const folder = realpathSync(dirname(resolve(blockFile)))
  if (/^[a-z][a-z\d+.-]*:/i.test(place) || isAbsolute(place)) {
    throw new Error(
      `"${place}" is refused: expected ./file.js#Export beside the file, or package#Export`,
    )
  }
  if (!place.startsWith('.')) return packagePath(place, folder)
  const path = realpathSync(join(folder, place))
  const inside = relative(folder, path)
  if (inside.startsWith('..') || isAbsolute(inside)) {
    throw new Error(`"${place}" is refused: it lies outside of the file's folder`)
  }
  return path
}

const PACKAGE = /^(?:@[\w.-]+\/)?[\w-][\w.-]*(?:\/[\w.-]+)*$/

function packagePath(name: string, folder: string): string {
  if (!PACKAGE.test(name) || name.includes('..'))
    throw new Error(`"${name}" is not the name of a package`)
  return createRequire(join(folder, 'blocks.yml')).resolve(name)
}
