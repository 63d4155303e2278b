// npm test: what a merge needs, from a bare clone. The last line is always "N passed, N failed, N skipped".
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  aside,
  bin,
  ensureBuilt,
  ensureInstalled,
  ROOT,
  requireNode,
  run,
  StepError,
  step,
} from './project.mjs'
import { servicesEnv } from './services-env.mjs'
import { addCounts, readReport, summaryLine } from './test-report.mjs'

const HELP = `Usage: npm test [-- VITEST-ARGUMENTS]

Installs, builds, brings the servers up, checks style and types, and runs every test but those of test:long. For example:
  npm test -- --project unit              only the tests that need nothing but Node (starts no servers)
  npm test -- test/brokers -t confirms    one folder, the tests whose names match`

const args = process.argv.slice(2)
if (args.includes('--help') || args.includes('-h')) {
  console.log(HELP)
  process.exit(0)
}
requireNode()
const startedAt = Date.now()
const environment = process.env.CI ? { ...process.env, NO_COLOR: '1' } : process.env
const problems = []
/** The tests of these projects need nothing but Node. */
const WITHOUT_SERVERS = ['unit', 'slow', 'quiet']
const UNIT = ['--project', 'unit', '--project', 'slow']
const LIVE = ['--project', 'alone', '--project', 'live']
/** Named projects, and a coverage of all of them, are of one run. */
const isOneRun = args.some((arg) => /^--(?:project|coverage)\b/.test(arg))

await stage(ensureInstalled)
await stage(ensureBuilt)
/** Beside the tests: cores are idle while servers start. */
const checked = Promise.all([
  check('Style (biome ci)', 'biome', ['ci', '.']),
  check('Types (tsc)', 'tsc', ['--noEmit']),
])
report(isOneRun ? await runOne() : await runAll())

/** A stage that fails is named and counted, and the next one is tried: one run shows all that is wrong. */
async function stage(work) {
  try {
    await work()
  } catch (error) {
    problems.push(error instanceof StepError ? error.message : (error.stack ?? String(error)))
  }
}

async function check(title, command, args) {
  await stage(async () => {
    const { code } = await aside(title, command, args, environment)
    if (code !== 0) throw new StepError(title, code)
  })
}

async function runOne() {
  if (needsServers(args)) await bringServers()
  const counts = await runTests('Tests', args)
  await checked
  return counts
}

/**
 * The unit tests need no servers, and keep the cores busy while these start and the first live tests stop them. Those that
 * measure what other tests would spoil come last.
 */
async function runAll() {
  const [unit, live] = await Promise.all([
    runTests('Unit tests', [...UNIT, '--passWithNoTests', ...args]),
    bringServers().then(() => runTests('Live tests', [...LIVE, '--passWithNoTests', ...args])),
    checked,
  ])
  const quiet = await runTests('Quiet tests', ['--project', 'quiet', '--passWithNoTests', ...args])
  const counts = [unit, live, quiet].reduce(addCounts)
  if (Object.values(counts).every((count) => count === 0)) problems.push('no test was found')
  return counts
}

async function bringServers() {
  const services = join(ROOT, 'scripts/services')
  await stage(() => step('Servers (scripts/services up)', services, ['up'], environment))
}

async function runTests(title, given) {
  const folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-test-'))
  const file = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const env = { ...servicesEnv(), ...environment }
  try {
    const testsStartedAt = Date.now()
    console.error(`› ${title} (vitest run)`)
    const { code } = await run(bin('vitest'), ['run', ...reporters, ...given], { env })
    console.error(`  ${title}: ${((Date.now() - testsStartedAt) / 1000).toFixed(1)} s`)
    return countsOf(title, file, code)
  } catch (error) {
    problems.push(`vitest did not run: ${error.message}`)
    return { passed: 0, failed: 0, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function countsOf(title, file, code) {
  const counts = readReport(file)
  // Errors outside of any test (an unhandled rejection, no test found, a crash) are in the exit code alone.
  if (code !== 0 && counts.failed === 0)
    problems.push(`${title}: vitest ended with exit code ${code}`)
  return counts
}

function report(counts) {
  for (const problem of problems) console.error(`✗ ${problem}`)
  console.error(`Total ${((Date.now() - startedAt) / 1000).toFixed(1)} s`)
  const total = { ...counts, failed: counts.failed + problems.length }
  console.log(summaryLine(total))
  process.exitCode = total.failed === 0 ? 0 : 1
}

function needsServers(given) {
  const projects = given.flatMap((arg, index) => {
    if (arg === '--project') return [given[index + 1]]
    return arg.startsWith('--project=') ? [arg.slice('--project='.length)] : []
  })
  return projects.length === 0 || projects.some((name) => !WITHOUT_SERVERS.includes(name))
}
