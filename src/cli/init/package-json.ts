import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { UsageError } from '../../errors.ts'
import { version } from '../../own-package.ts'

export type Manifest = Readonly<Record<string, unknown>>

/** The package.json of the folder with all that the files need; what it has already stays as it is. */
export function manifestFor(folder: string, own: string): { text: string; added: string[] } {
  const path = resolve(folder, 'package.json')
  const before = manifestAt(path)
  const start = before ?? { name: nameOf(folder), private: true, type: 'module' }
  const added: string[] = []
  const merged = (part: string, wanted: Readonly<Record<string, string>>): object => {
    const has = start[part]
    const there: Readonly<Record<string, unknown>> =
      // An object of package.json has text for keys.
      typeof has === 'object' && has !== null ? (has as Record<string, unknown>) : {}
    const lacking = Object.entries(wanted).filter(([name]) => !isNeeded(start, part, there, name))
    added.push(...lacking.map(([name]) => (part === 'scripts' ? `script ${name}` : name)))
    return { ...there, ...Object.fromEntries(lacking) }
  }
  const after = {
    ...start,
    scripts: merged('scripts', {
      // Its events are what a monitor records of a plain Celery.
      worker: `celery-toolbox worker -A app.ts -Q ${own} -E`,
      call: 'tsx call.ts',
      test: 'node --import tsx --test app.test.ts',
      check: 'tsc',
    }),
    dependencies: merged('dependencies', { 'celery-toolbox': `^${version()}` }),
    devDependencies: merged('devDependencies', {
      '@types/node': '^20.19.0',
      tsx: '^4.20.0',
      typescript: '>=5.4',
    }),
  }
  return { text: `${JSON.stringify(after, null, 2)}\n`, added }
}

/** `npm init` writes a test script that only fails. */
function isNeeded(
  start: Manifest,
  part: string,
  there: Readonly<Record<string, unknown>>,
  name: string,
): boolean {
  const value = there[name]
  if (part === 'scripts') return value !== undefined && !String(value).includes('no test specified')
  const parts = [start.dependencies, start.devDependencies]
  return parts.some((each) => typeof each === 'object' && each !== null && name in each)
}

function manifestAt(path: string): Manifest | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return undefined // there is none
  }
  try {
    return JSON.parse(text) as Manifest // npm wrote it
  } catch (cause) {
    throw new UsageError(`cannot read ${path}`, { cause })
  }
}

function nameOf(folder: string): string {
  const name = basename(resolve(folder)).toLowerCase()
  return name.replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '') || 'app'
}
