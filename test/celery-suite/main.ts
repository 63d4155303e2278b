import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { recordSuite } from '../figures/figures.ts'
import { type Comparison, compare, shown } from './comparison.ts'
import { prepareSuite, type SuiteEnvironment } from './environment.ts'
import { BACKENDS, type Backend, runSuite, type SuiteOutcomes } from './run-suite.ts'

const HELP = `npm run test:celery-suite -- [--celery VERSION] [--backend NAME]… [-k EXPRESSION] [--python-again]

Runs Celery's own integration suite (t/integration of its source distribution, downloaded from PyPI) with a worker of
celery-toolbox in the place of Python's, and prints how many of the tests that pass with Python's worker pass with ours.
  --celery VERSION   such as 5.7.0 or 5.2.6 (default: the newest)
  --backend NAME     ${BACKENDS.join(', ')} (default: all, one after the other)
  -k EXPRESSION      only tests whose names match, as pytest's -k; their figures are not recorded
  --python-again     runs Python's worker once more, too; its outcomes are kept from run to run
  --verbose          shows pytest's output

The exit code is 1 where a test differs whose reason test/celery-suite/differences.ts does not list. Figures of whole
runs go to test/figures/figures.json, from which the documentation has them.`

const { values } = parseArgs({
  options: {
    celery: { type: 'string' },
    backend: { type: 'string', multiple: true, default: [...BACKENDS] },
    k: { type: 'string', short: 'k' },
    'python-again': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const backends = values.backend.map(checkedBackend)
  const suite = await prepareSuite(values.celery)
  const comparisons: Comparison[] = []
  for (const backend of backends) {
    const comparison = await measure(suite, backend)
    comparisons.push(comparison)
    console.log(`Celery ${suite.version}, ${shown(comparison)}`)
    if (values.k === undefined) recordSuite(suite.version, comparison)
  }
  return comparisons.every(({ unlisted }) => unlisted.length === 0) ? 0 : 1
}

function checkedBackend(name: string): Backend {
  const known = BACKENDS.find((backend) => backend === name)
  if (known !== undefined) return known
  console.error(`there is no backend "${name}"; expected ${BACKENDS.join(', ')}`)
  process.exit(2)
}

async function measure(suite: SuiteEnvironment, backend: Backend): Promise<Comparison> {
  const python = await outcomesOfPython(suite, backend)
  console.error(`› Celery ${suite.version} on ${backend}, with our worker`)
  const toolbox = await runSuite(suite, { worker: 'toolbox', backend, ...chosen() })
  return compare(backend, values.k === undefined ? python : only(python, toolbox), toolbox)
}

/** They depend on Celery and the servers alone, and are kept beside its source. */
async function outcomesOfPython(suite: SuiteEnvironment, backend: Backend): Promise<SuiteOutcomes> {
  const file = join(suite.source, `outcomes-of-python-${backend}.json`)
  const isKept = values.k === undefined || existsSync(file)
  if (existsSync(file) && !values['python-again']) {
    return new Map(JSON.parse(readFileSync(file, 'utf8')))
  }
  console.error(`› Celery ${suite.version} on ${backend}, with Python's worker`)
  const outcomes = await runSuite(suite, { worker: 'python', backend, ...(isKept ? {} : chosen()) })
  if (isKept && outcomes.size > 0) writeFileSync(file, JSON.stringify([...outcomes]))
  return outcomes
}

function chosen() {
  const isShown = values.verbose
  return values.k === undefined ? { isShown } : { isShown, matching: values.k }
}

function only(all: SuiteOutcomes, some: SuiteOutcomes): SuiteOutcomes {
  return new Map([...all].filter(([test]) => some.has(test)))
}
