import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { countText } from '../../count-text.ts'
import { UsageError } from '../../errors.ts'
import { safeUrl } from '../../safe-url.ts'
import { textOfError } from '../../text-of-error.ts'
import type { GlobalOptions } from '../app/open-app.ts'
import { print, printError } from '../output/output.ts'
import type { Found, Plan, TopologyName } from './plan.ts'

interface InitOptions extends GlobalOptions {
  readonly python: string
  readonly report?: string
  readonly topology?: TopologyName
  readonly force?: boolean
}

const EXAMPLES = `
It looks at the broker and at the Python app, says what is there, and writes
a small app that joins it: app.ts, a program that calls it, a test, what the
Python app needs, and the steps to the mirrored topology. Files that are
there stay as they are. Nothing is declared on the broker.

Examples:
  celery-toolbox init
  celery-toolbox init -b amqp://localhost
  celery-toolbox init --python .venv/bin/python -A shop.celery
  celery -A shop.celery report > report.txt
  celery-toolbox init --report report.txt -b amqp://user:secret@host`

export function addInit(program: Command): void {
  program
    .command('init')
    .argument('[folder]', 'where to write', '.')
    .description('write a first app, beside a Celery that runs or alone')
    .option('--python <exe>', 'the interpreter of the Python app that -A names', 'python3')
    .option(
      '--report <file>',
      'a file with the output of "celery -A APP report", instead of --python',
    )
    .addOption(
      new Option('--topology <name>', 'join as a plain Celery, or mirrored').choices([
        'celery',
        'mirrored',
      ]),
    )
    .option('--force', 'overwrite existing files')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, _options, command: Command) =>
      init(folder, command.optsWithGlobals<InitOptions>()),
    )
}

async function init(folder: string, options: InitOptions): Promise<void> {
  const { planFor } = await import('./plan.ts')
  const given = await givenBy(options)
  const queues = await lookAround(given)
  const plan = planFor({ ...given, queues })
  sayPlan(plan)
  await write(folder, plan, options.force ?? false)
  const { own, topology, python } = plan
  print('')
  print('Next')
  for (const line of [
    ...(folder === '.' ? [] : [`cd ${folder}`]),
    'npm install',
    'npm test                # needs no server',
    'npm run worker          # in one terminal',
    'npm run call            # in another: 5',
    `from Python             app.send_task('${own}.add', (2, 3))`,
    ...(topology === 'celery' && python !== undefined
      ? ['to record all calls     mirrored-topology.md, step by step']
      : []),
  ]) {
    print(`  ${line}`)
  }
}

async function givenBy(options: InitOptions): Promise<Omit<Found, 'queues'>> {
  const { broker: brokerUrl, resultBackend, topology } = options
  const shared = { brokerUrl, resultBackend, topology }
  if (options.report !== undefined) {
    const { readReport } = await import('./report.ts')
    return { ...shared, python: readReport(reportIn(options.report)) }
  }
  if (options.app === undefined) return shared
  const { readPythonApp } = await import('../contract/python-contract.ts')
  const { contract, settings } = await readPythonApp(options.python, options.app)
  return { ...shared, python: settings, contract }
}

function reportIn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new UsageError(`cannot read ${file}: write it with "celery -A APP report > ${file}"`, {
      cause,
    })
  }
}

/** The queues that are there; none where no broker is known or it does not answer, which is said. */
async function lookAround(given: Omit<Found, 'queues'>): Promise<ReadonlyMap<string, number>> {
  print('Found')
  sayPython(given)
  const { python } = given
  const url = given.brokerUrl ?? python?.broker_url
  if (url === undefined) {
    print('  no broker and no Python app were named: a new app on its own')
    return new Map()
  }
  if (url.includes('********') || !/^(?:amqps?|pyamqp):/.test(url)) return new Map()
  const { queuesOn } = await import('./look-at-broker.ts')
  const names = [...new Set(['celery', 'platform.fifo', ...(python?.queues ?? [])])]
  try {
    const queues = await queuesOn(url, names)
    const list = [...queues].map(([name, waiting]) => `${name} (${waiting} waiting)`)
    print(`  ${safeUrl(url)} answers; queues: ${list.length === 0 ? 'none' : list.join(', ')}`)
    return queues
  } catch (error) {
    printError(`warning: ${textOfError(error)}`)
    return new Map()
  }
}

function sayPython({ python, contract }: Omit<Found, 'queues'>): void {
  if (python === undefined) return
  const name = python.name === null ? '' : ` "${python.name}"`
  const tasks = contract === undefined ? '' : `, ${countText(Object.keys(contract).length, 'task')}`
  print(`  Celery ${python.version}${name}${tasks}`)
  print(`  queue ${python.queue} on the ${python.exchange_type} exchange ${python.exchange}`)
}

function sayPlan({ topology, brokerUrl, resultBackend, notes }: Plan): void {
  for (const note of notes) print(`  ${note}`)
  print('')
  print('Written')
  print(`  for ${safeUrl(brokerUrl)}, results in ${safeUrl(resultBackend)}, TOPOLOGY '${topology}'`)
}

async function write(folder: string, plan: Plan, isForced: boolean): Promise<void> {
  const { filesOf } = await import('./files.ts')
  const { manifestFor } = await import('./package-json.ts')
  mkdirSync(folder, { recursive: true })
  for (const { name, text, purpose } of filesOf(plan)) {
    const path = join(folder, name)
    if (existsSync(path) && !isForced) {
      print(`  ${name.padEnd(22)}is there already, left as it is`)
    } else {
      writeFileSync(path, text, name === '.env' ? { mode: 0o600 } : {})
      print(`  ${name.padEnd(22)}${purpose}`)
    }
  }
  const { text, added } = manifestFor(folder, plan.own)
  writeFileSync(join(folder, 'package.json'), text)
  if (added.length > 0) print(`  ${'package.json'.padEnd(22)}with ${added.join(', ')}`)
}
