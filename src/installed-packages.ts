import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** This file, or the one that it was bundled into; `import.meta` is empty in a bundle of CommonJS. */
const here = fileOf(import.meta.url)

/**
 * Loads packages that are CommonJS. Bundlers leave it alone: they would put `require` of Node's own modules into an ES
 * module, where there is none. A bundle finds these packages in node_modules beside it.
 */
export const requirePackage: NodeJS.Require = createRequire(here)

/** The path of this file, or of the one that it was bundled into. */
export const ownPath: string = fileURLToPath(here)

function fileOf(url: string | undefined): string {
  if (url !== undefined) return url
  return pathToFileURL(typeof __filename === 'string' ? __filename : process.cwd()).href
}
