import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** This file; in a bundle of CommonJS, where `import.meta` is empty, the bundle. */
const here = fileOf(import.meta.url)

/**
 * Loads packages that are CommonJS. Bundlers leave it alone: they would put `require` of Node's own modules into an ES
 * module, where there is none. A bundle finds these packages in node_modules beside it.
 */
export const requirePackage: NodeJS.Require = createRequire(here)

/** The folder of this file, or of the bundle it is in. */
export const ownFolder: string = dirname(fileURLToPath(here))

/** The url of the module that asks with its `import.meta.url`, which is absent in a bundle of CommonJS. */
export function fileOf(url: string | undefined): string {
  if (url !== undefined) return url
  return pathToFileURL(typeof __filename === 'string' ? __filename : process.cwd()).href
}
