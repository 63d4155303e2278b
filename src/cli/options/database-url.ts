import type { Config } from '../../config/config.ts'
import { readEnvironment } from '../../config/resolve/environment.ts'
import { UsageError } from '../../errors.ts'
import { safeUrl } from '../../safe-url.ts'

export const DATABASE_HELP = `The database is the first of: --database, CELERY_TOOLBOX_DATABASE_URL, the result_backend where it was
given as db+postgresql://…, DATABASE_URL, and the result_backend that is made of RESULT_DB_*.`

const POSTGRES = /^(?:db\+)?postgres(?:ql)?(?:\+\w+)?:\/\//

/**
 * Where the monitor's tables are. The results' database comes before DATABASE_URL: the history joins both, so they
 * belong together.
 */
export function databaseUrl(config: Config, given: string | undefined): string {
  const environment = readEnvironment({}, [])
  const variable = (name: string) => environment.find(name)?.text
  const backend = config.result_backend
  const url =
    given ??
    variable('CELERY_TOOLBOX_DATABASE_URL') ??
    (isGiven(config) ? postgres(backend) : undefined) ??
    variable('DATABASE_URL') ??
    postgres(backend)
  if (url !== undefined && POSTGRES.test(url)) return url
  throw new UsageError(
    url === undefined
      ? `there is no database: result_backend is "${safeUrl(backend ?? '')}"; name one with --database postgresql://…`
      : `the database url is "${safeUrl(url)}", expected postgresql://…`,
  )
}

function isGiven(config: Config): boolean {
  const names = ['result_backend', ...'USER PASS HOST PORT NAME'.split(' ').map(partName)]
  const given: readonly unknown[] = ['argument', 'environment', '.env']
  return names.some((name) => given.includes(config.source(name)))
}

function partName(part: string): string {
  return `RESULT_DB_${part}`
}

function postgres(url: string | null | undefined): string | undefined {
  return typeof url === 'string' && POSTGRES.test(url) ? url : undefined
}
