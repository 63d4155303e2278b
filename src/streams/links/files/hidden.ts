import { basename } from 'node:path'

/** The names that Python's watchfiles leaves out: version control, environments, caches, editors. */
const NAMES: ReadonlySet<string> = new Set([
  '.git',
  '.hg',
  '.svn',
  '.tox',
  '.venv',
  '.idea',
  'node_modules',
  '__pycache__',
  '.mypy_cache',
  '.pytest_cache',
  '.hypothesis',
])

const PATTERNS = [/\.py[cod]$/, /\.sw.$/, /~$/, /^\.#/, /^\.DS_Store$/]

export function isHiddenByDefault(path: string): boolean {
  const name = basename(path)
  return NAMES.has(name) || PATTERNS.some((pattern) => pattern.test(name))
}
