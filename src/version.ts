import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ownFolder } from './installed-packages.ts'

/** The version of this package: in the nearest package.json above, be this file compiled or not. */
export function version(): string {
  let folder = ownFolder
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) return 'unknown'
    folder = above
  }
  const found: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return typeof found === 'object' && found !== null && 'version' in found
    ? String(found.version)
    : 'unknown'
}
