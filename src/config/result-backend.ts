import { ConfigError } from '../errors.ts'
import { safeUrl } from '../safe-url.ts'
import { maskText } from './masking.ts'
import { DEFAULT_RESULT_BACKEND } from './settings/result.ts'

const FIELD = /\{\{|\}\}|\{0\.([A-Za-z][A-Za-z0-9_]*)\}|[{}]/g

/**
 * The text with each `{0.NAME}` replaced by that setting, `{{` and `}}` standing for braces; nothing else is
 * rendered, so that a template cannot walk through objects. Throws where it cannot be rendered.
 */
export function renderResultBackend(
  template: string,
  settingOf: (name: string) => unknown,
): string {
  // The parts of our own default are put into a url, so they are escaped for one.
  const written = template === DEFAULT_RESULT_BACKEND ? encodeURIComponent : String
  return template.replaceAll(FIELD, (field: string, name: string | undefined) => {
    if (field === '{{' || field === '}}') return field.charAt(0)
    const value = name === undefined ? undefined : settingOf(name)
    if (!isPlain(value)) throw new RangeError(unrenderable(template))
    return written(String(value))
  })
}

export function unrenderable(template: string): string {
  return `Unable to render 'result_backend' value: '${maskText(template)}'`
}

function isPlain(value: unknown): value is string | number | bigint {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
}

/** What Celery's backend of a database has before the url. */
const IN_DATABASE = /^db\+/
const POSTGRES = /^(?:db\+)?postgres(?:ql)?(?:\+\w+)?:\/\//

export function isPostgresUrl(url: string | null | undefined): url is string {
  return typeof url === 'string' && POSTGRES.test(url)
}

/**
 * The database that a setting names: true is that of the result backend, undefined where that is none. Throws for what is no
 * url of PostgreSQL.
 */
export function namedDatabase(
  setting: string,
  wanted: string | true,
  backend: string | null | undefined,
): string | undefined {
  if (wanted === true) return isPostgresUrl(backend) ? backend : undefined
  if (isPostgresUrl(wanted)) return wanted
  throw new ConfigError([
    `${setting} is "${safeUrl(wanted)}", expected True, False or a url such as postgresql://…`,
  ])
}

/** Whether results are kept in a SQL database, where a monitor finds them too. */
export function keepsResultsInDatabase(config: {
  readonly result_backend?: string | null | undefined
}): boolean {
  return IN_DATABASE.test(config.result_backend ?? '')
}
