import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const PROJECT = resolve(import.meta.dirname, '../..')

const ENV_FILE = join(process.env.SERVICES_HOME ?? join(PROJECT, '.services'), 'env')

export type ServiceVariable =
  | 'AMQP_URL'
  | 'DATABASE_URL'
  | 'REDIS_URL'
  | 'RABBITMQ_API_URL'
  | 'PYTHON_CELERY'
  | 'PYTHON_CELERY_OLD'
  | 'PYTHON_TASKFLOW'
  | 'PYTHON_ARROYO'
  | 'PYTHON_ZOCALO'
  | 'PYTHON_FLOWER'
  | 'PYTHON_MYPY'

/** Where a server (or a python with Celery) is: from the environment, else as `scripts/services up` wrote it down. */
export function service(variable: ServiceVariable): string {
  const value = process.env[variable] ?? written()[variable]
  if (value) return value
  throw new Error(`${variable} is not known: run "scripts/services up" first (or set ${variable})`)
}

/** Whether there is one: some tests are skipped where it cannot be brought. */
export function hasService(variable: ServiceVariable): boolean {
  return Boolean(process.env[variable] ?? written()[variable])
}

function written(): Readonly<Record<string, string>> {
  if (!existsSync(ENV_FILE)) return {}
  const lines = readFileSync(ENV_FILE, 'utf8').split('\n')
  const pairs = lines.map((line): [string, string] => {
    const equals = line.indexOf('=')
    return [line.slice(0, Math.max(equals, 0)), line.slice(equals + 1)]
  })
  return Object.fromEntries(pairs)
}
