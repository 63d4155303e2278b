import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT, service } from '../support/services.ts'

const execute = promisify(execFile)

/** Celery's source with its tests, and a Python that has that Celery and what the tests import. */
export interface SuiteEnvironment {
  readonly version: string
  /** Where the source was unpacked: the suite is run from there. */
  readonly source: string
  readonly python: string
}

/** Kept from run to run: a version is downloaded once. */
const CACHE = join(process.env.SERVICES_HOME ?? join(PROJECT, '.services'), 'celery-suite')
const NEWEST = 'newest'
/** The newest that was downloaded before, where there is one: nothing is asked of PyPI then. */
const KEPT = 'kept'
const PIP = ['-m', 'pip', '--disable-pip-version-check', '-q', '--retries', '2']
const PYTEST = ['pytest-timeout', 'psycopg2-binary', 'pymemcache']

/** Downloads the source distribution of that version from PyPI, and makes an environment for it, where they are not there. */
export async function prepareSuite(wanted: string = NEWEST): Promise<SuiteEnvironment> {
  mkdirSync(CACHE, { recursive: true })
  const version = await chosenVersion(wanted)
  const source = join(CACHE, `celery-${version}`)
  if (!existsSync(source)) await run('tar', ['xzf', `${source}.tar.gz`, '-C', CACHE])
  return { version, source, python: await environmentFor(version) }
}

async function chosenVersion(wanted: string): Promise<string> {
  const newest = versions().at(-1)
  if (wanted === KEPT && newest !== undefined) return newest
  return wanted === NEWEST || wanted === KEPT ? await downloadNewest() : await download(wanted)
}

/** Without a network, the newest of the versions that are there. */
async function downloadNewest(): Promise<string> {
  try {
    await download('')
  } catch (cause) {
    if (versions().length === 0) throw cause
    console.error('› PyPI cannot be reached: the newest Celery that was downloaded before is taken')
  }
  return versions().at(-1) ?? ''
}

async function download(version: string): Promise<string> {
  if (version !== '' && versions().includes(version)) return version
  const wanted = version === '' ? 'celery' : `celery==${version}`
  console.error(`› Downloading the source of ${wanted} (pip)`)
  const args = ['download', '--no-deps', '--no-binary', 'celery', '--dest', CACHE, wanted]
  await run(service('PYTHON_CELERY'), [...PIP, ...args])
  return version
}

function versions(): string[] {
  return readdirSync(CACHE)
    .flatMap((name) => /^celery-(\d[\d.]*)\.tar\.gz$/.exec(name)?.[1] ?? [])
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
}

async function environmentFor(version: string): Promise<string> {
  const folder = join(CACHE, `venv-${version}`)
  const python = join(folder, 'bin/python')
  const finished = join(folder, '.finished')
  if (existsSync(finished)) return python
  console.error(`› Making a Python environment for Celery ${version} in ${folder}`)
  rmSync(folder, { recursive: true, force: true })
  await run(service('PYTHON_CELERY'), ['-m', 'venv', folder])
  await run(python, [...PIP, 'install', ...packagesFor(version), ...PYTEST])
  writeFileSync(finished, '')
  return python
}

/** Celery 5.2 is of a time whose other packages it needs. */
function packagesFor(version: string): string[] {
  if (/^5\.[0-2]\./.test(version)) {
    const pins = ['sqlalchemy<2', 'redis<5', 'setuptools<81', 'pytest<8', 'pytest-subtests<0.14']
    return [`celery[redis,auth,tblib,yaml,msgpack]==${version}`, 'pytest-rerunfailures<14', ...pins]
  }
  const extras = 'redis,sqlalchemy,pydantic,auth,tblib,yaml,msgpack'
  return [
    `celery[${extras}]==${version}`,
    'pytest',
    'pytest-rerunfailures',
    'pytest-subtests',
    'freezegun',
    'django',
  ]
}

async function run(command: string, args: readonly string[]): Promise<void> {
  try {
    await execute(command, args)
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string } // as execFile rejects
    throw new Error(`${command} ${args.join(' ')} failed:\n${stderr.trim().slice(-1_000)}`, {
      cause,
    })
  }
}
