// Python Celery, twice: the newest in a virtual environment, and the 5.2 that Debian carries.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run } from '../project.mjs'
import { findProgram } from './machine.mjs'
import { HOME } from './state.mjs'

const NEWEST = ['celery[redis,sqlalchemy,pytest,sqs]', 'psycopg2-binary', 'pyyaml', 'msgpack']
const TRACING = ['opentelemetry-sdk', 'opentelemetry-instrumentation-celery']
const FLOWER = 'flower==2.2.0'
const OLD = ['celery[redis]==5.2.7', 'sqlalchemy<2', 'psycopg2-binary', 'setuptools<81'].concat([
  'cryptography',
])
const MOTO = ['moto[server]']
/** Its transport of SQS, which Debian's Celery 5.2 comes without. */
const OLD_SQS = ['celery==5.2.7', 'kombu==5.2.4', 'boto3<1.27', 'pycurl', 'urllib3<2'].concat([
  'sqlalchemy<2',
  'psycopg2-binary',
  'setuptools<81',
])
const TASKFLOW = ['taskflow==6.5.0', 'sqlalchemy', 'psycopg2-binary', 'kazoo']
const ZOCALO = ['zocalo==1.5.0', 'workflows==3.3']
const ARROYO = ['arroyopy[zmq,redis,file-watch]==0.3.1a0', 'msgpack', 'pika']
const TYPES = ['mypy', 'pydantic', 'celery']
const DEBIAN_PYTHON = '/usr/bin/python3'

export const PYTHON_PACKAGES = [
  'python3-celery',
  'python3-cryptography',
  'python3-sqlalchemy',
  'python3-psycopg2',
  'python3-redis',
  'python3-venv',
]

/** True where Debian's packages would add something: `old` is missing, or there is no way to make `.venv`. */
export function wantsPythonPackages(record) {
  if (isNewest(record?.newest) && isStillThere(record?.old)) return false
  return !celeryOf(DEBIAN_PYTHON) || !findProgram('python3')
}

/** Finds or makes both; fails only where there is no Celery at all. */
export async function bringPython(record) {
  const newest = isNewest(record?.newest) ? record.newest : await newestCelery()
  const old = isStillThere(record?.old) ? record.old : await oldCelery()
  if (newest?.python.startsWith(ROOT)) await addMore(newest.python)
  const either = newest ?? old
  if (either) return { newest: newest ?? either, old: old ?? either }
  throw new Error(
    'no Python Celery: PyPI cannot be reached and python3-celery is not installed. ' +
      `Make ${join(ROOT, '.venv')} with celery[redis,sqlalchemy] and psycopg2-binary in it, ` +
      'or set PYTHON_CELERY to a python that has them',
  )
}

async function newestCelery() {
  const given = process.env.PYTHON_CELERY
  if (given) return celeryOf(given) ?? refuse('PYTHON_CELERY', given)
  const folder = join(ROOT, '.venv')
  const python = join(folder, 'bin/python')
  return celeryOf(python) ?? (await makeEnvironment(folder, NEWEST)) ?? celeryOf(DEBIAN_PYTHON)
}

/** A python with TaskFlow, beside which flows are tested; undefined where PyPI cannot be reached: those tests say so. */
export function bringTaskflow() {
  return bringPeer({
    variable: 'PYTHON_TASKFLOW',
    name: 'python-taskflow',
    packages: TASKFLOW,
    imports: 'taskflow, kazoo',
  })
}

/** The same with Zocalo, beside which recipe services are tested. */
export function bringZocalo() {
  return bringPeer({
    variable: 'PYTHON_ZOCALO',
    name: 'python-zocalo',
    packages: ZOCALO,
    imports: 'zocalo, workflows',
  })
}

/** The same with arroyopy, pyzmq, redis-py and pika: other sides of streams. */
export function bringArroyo() {
  return bringPeer({
    variable: 'PYTHON_ARROYO',
    name: 'python-arroyo',
    packages: ARROYO,
    imports: 'arroyopy.block, zmq, redis, watchfiles, msgpack, pika',
  })
}

/** The same with mypy and pydantic, for the types that both languages are given of each other's tasks. */
export function bringMypy() {
  return bringPeer({
    variable: 'PYTHON_MYPY',
    name: 'python-mypy',
    packages: TYPES,
    imports: 'mypy, pydantic, celery',
  })
}

async function bringPeer({ variable, name, packages, imports }) {
  const given = process.env[variable]
  if (given) return given
  const folder = join(HOME, name)
  const python = join(folder, 'bin/python')
  const isThere = () => existsSync(python) && succeeds(python, ['-c', `import ${imports}`])
  if (!isThere()) await installInto(folder, packages)
  return isThere() ? python : undefined
}

/** moto's server, which stands for Amazon SQS in `npm run test:sqs`; answers its program. */
export async function bringMoto() {
  const folder = join(HOME, 'python-sqs')
  const program = process.env.MOTO_SERVER ?? join(folder, 'bin/moto_server')
  if (!existsSync(program)) await installInto(folder, MOTO)
  if (!existsSync(program)) throw new Error('moto cannot be installed: PyPI cannot be reached')
  return program
}

/** A python with Celery 5.2 and its transport of SQS. */
export async function bringOldSqs() {
  const folder = join(HOME, 'python-sqs-old')
  const python = process.env.PYTHON_SQS_OLD ?? join(folder, 'bin/python')
  const isThere = () =>
    existsSync(python) && succeeds(python, ['-c', 'import boto3, pycurl, celery'])
  if (!isThere()) await installInto(folder, OLD_SQS)
  if (!isThere()) throw new Error('Celery 5.2 cannot be installed: PyPI cannot be reached')
  return python
}

/** A python with Flower: the newest Celery's, else one of its own; undefined where PyPI cannot be reached: those tests are skipped. */
export async function bringFlower(newest) {
  const given = process.env.PYTHON_FLOWER
  if (given) return given
  if (hasFlower(newest)) return newest
  const folder = join(HOME, 'python-flower')
  const python = join(folder, 'bin/python')
  if (!hasFlower(python)) await installInto(folder, [FLOWER, ...NEWEST])
  return hasFlower(python) ? python : undefined
}

function hasFlower(python) {
  return existsSync(python) && succeeds(python, ['-c', 'import flower, sqlalchemy, psycopg2'])
}

/** Also to an environment that was made before; one without them serves all tests but those of traces and of Flower. */
async function addMore(python) {
  const tracing = 'import opentelemetry.sdk, opentelemetry.instrumentation.celery'
  if (succeeds(python, ['-c', `${tracing}, flower`])) return
  const more = [...TRACING, FLOWER]
  const args = ['-m', 'pip', 'install', '--progress-bar', 'off', '--retries', '2', ...more]
  const { code, output } = await run(python, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  if (code !== 0) console.error(`  could not: ${output.trim().split('\n').slice(-3).join('\n  ')}`)
}

async function oldCelery() {
  const given = process.env.PYTHON_CELERY_OLD
  if (given) return celeryOf(given) ?? refuse('PYTHON_CELERY_OLD', given)
  const folder = join(HOME, 'python-old')
  const made = celeryOf(join(folder, 'bin/python'))
  return celeryOf(DEBIAN_PYTHON) ?? made ?? (await makeEnvironment(folder, OLD))
}

function refuse(variable, python) {
  throw new Error(
    `${variable} is ${python}, which has no Celery with SQLAlchemy, psycopg2 and redis`,
  )
}

async function makeEnvironment(folder, packages) {
  return (await installInto(folder, packages)) ? celeryOf(join(folder, 'bin/python')) : undefined
}

async function installInto(folder, packages) {
  console.error(`› Making a Python environment in ${folder} (${packages[0]})`)
  const python = join(folder, 'bin/python')
  const steps = [
    makeFolder(folder),
    [python, '-m', 'pip', 'install', '--progress-bar', 'off', '--retries', '2', ...packages],
  ]
  for (const [command, ...args] of steps) {
    const { code, output } = await run(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    if (code !== 0) {
      console.error(`  could not: ${output.trim().split('\n').slice(-3).join('\n  ')}`)
      return false
    }
  }
  return true
}

/** The first python whose venv works; Debian's lacks ensurepip unless python3-venv is installed. */
function makeFolder(folder) {
  const pythons = [findProgram('python3'), DEBIAN_PYTHON].filter((path) => path && existsSync(path))
  const able = pythons.find((python) => succeeds(python, ['-c', 'import ensurepip, venv']))
  if (able) return [able, '-m', 'venv', '--clear', folder]
  return [findProgram('virtualenv') ?? 'virtualenv', '--clear', folder]
}

/** The Celery that this python would import, or undefined where it or one of its drivers is missing. */
function celeryOf(python) {
  if (!existsSync(python)) return undefined
  const script =
    'import celery, sqlalchemy, psycopg2, redis; print(celery.__version__); print(celery.__file__)'
  const { status, stdout } = spawnSync(python, ['-c', script], { encoding: 'utf8', cwd: '/' })
  if (status !== 0) return undefined
  const [version, file] = stdout.trim().split('\n')
  return { python, version, file }
}

/** Debian's in its place was better than nothing while PyPI was away: PyPI is asked again each time. */
function isNewest(found) {
  return isStillThere(found) && found.python !== DEBIAN_PYTHON
}

function isStillThere(found) {
  return found !== undefined && existsSync(found.python) && existsSync(found.file)
}

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}
