// What every script needs to know of the project: where it is, whether it is installed and built, how to run a step.
// Node's own modules only, so that it works in a bare clone.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')

const BUILD_SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package.json']
const OLDEST_NODE = [20, 19]

/** Exits 2 with a plain sentence where this Node is too old to run the project. */
export function requireNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  console.error(
    `This is Node.js ${version}; celery-toolbox needs ${OLDEST_NODE.join('.')} or newer. ` +
      'Install a newer one from https://nodejs.org and run the command again.',
  )
  process.exit(2)
}

/** Installs the packages where node_modules is missing or older than the lock file. */
export async function ensureInstalled() {
  const installed = timeOf(join(ROOT, 'node_modules/.package-lock.json'))
  if (installed >= timeOf(join(ROOT, 'package-lock.json'))) return
  if (installed > 0 && sameLock()) return
  await step('Installing packages (npm ci)', npm(), [
    'ci',
    '--include=dev',
    '--no-audit',
    '--no-fund',
  ])
}

/** Compiles src/ and migrations/ where dist/ is missing or older than they are. */
export async function ensureBuilt() {
  if (isBuilt()) return
  await step('Building (npm run build)', npm(), ['run', '--silent', 'build'])
}

export function isBuilt() {
  const built = timeOf(join(ROOT, 'dist/.built'))
  const sources = ['src', 'migrations', 'scripts/build.mjs', ...BUILD_SETTINGS]
  return built > 0 && built >= Math.max(...sources.map((name) => newest(join(ROOT, name))))
}

/** Runs a command with its output shown; says what it is and how long it took; throws where it fails. */
export async function step(title, command, args, env = process.env) {
  const started = Date.now()
  console.error(`› ${title}`)
  const { code } = await run(command, args, { env })
  if (code !== 0) throw new StepError(title, code)
  console.error(`  ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

/** Runs a command beside others: says how it went once it is over, as its lines would stand between theirs. */
export async function aside(title, command, args, env = process.env) {
  const startedAt = Date.now()
  const result = await run(bin(command), args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  if (result.code !== 0) console.error(result.output)
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  console.error(
    `› ${title}: ${result.code === 0 ? 'good' : `exit code ${result.code}`}, ${seconds} s`,
  )
  return result
}

export class StepError extends Error {
  constructor(title, code) {
    super(`${title} failed with exit code ${code}`)
    this.code = code
  }
}

/** Runs a command in the project to its end; the child shares our terminal unless the options say otherwise. */
export async function run(command, args, { env = process.env, stdio = 'inherit' } = {}) {
  const child = spawn(command, args, { cwd: ROOT, env, stdio })
  const chunks = []
  child.stdout?.on('data', (chunk) => chunks.push(chunk))
  child.stderr?.on('data', (chunk) => chunks.push(chunk))
  const forward = (signal) => child.kill(signal)
  // Ctrl-C reaches the child by itself; a SIGTERM is for us alone. Neither may leave the child behind.
  process.on('SIGTERM', forward)
  process.on('SIGINT', ignore)
  try {
    const [code, signal] = await once(child, 'close')
    return { code: code ?? exitCodeOf(signal), output: Buffer.concat(chunks).toString() }
  } finally {
    process.off('SIGTERM', forward)
    process.off('SIGINT', ignore)
  }
}

function ignore() {
  // the child ends by the same signal, and its exit code ends us
}

/** A program of node_modules/.bin, by its path. */
export function bin(name) {
  return join(ROOT, 'node_modules/.bin', name)
}

/** What a shell reports for a process that a signal ended. */
export function exitCodeOf(signal) {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }
  return 128 + (numbers[signal] ?? 0)
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm'
}

/** True where npm's own record of what it installed names every package of the lock file at its version. */
function sameLock() {
  const wanted = packagesOf('package-lock.json')
  const present = packagesOf('node_modules/.package-lock.json')
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' || (entry.optional && !present[path]) || present[path]?.version === entry.version,
  )
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), 'utf8')).packages ?? {}
  } catch {
    return {} // unreadable is as good as missing: npm ci writes it anew
  }
}

function newest(path) {
  if (!existsSync(path)) return 0
  if (!statSync(path).isDirectory()) return timeOf(path)
  const entries = readdirSync(path, { recursive: true, encoding: 'utf8' })
  return Math.max(timeOf(path), ...entries.map((entry) => timeOf(join(path, entry))))
}

function timeOf(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}
