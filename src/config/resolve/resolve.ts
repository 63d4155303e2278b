import { isRecord } from '../../protocol/field-readers.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Entry, Place } from '../entry.ts'
import { isSecretName, maskText, maskValue } from '../masking.ts'
import { printedShort } from '../printed.ts'
import { readPythonLiteral } from '../python-literal/python-literal.ts'
import type { Setting } from '../setting.ts'
import { findSetting, settingNames } from '../settings.ts'
import type { Environment, Variable } from './environment.ts'
import { nearestName } from './nearest-name.ts'
import { newNameOf } from './old-names.ts'
import { isSameValue } from './shadowed.ts'
import { literal, text, unfit } from './value-types.ts'

export interface Resolution {
  readonly entries: Map<string, Entry>
  readonly environment: Environment
  readonly prefix: string
  readonly problems: string[]
}

/** Names that CELERY_* variables have for the command line, not for a setting. */
const NO_SETTINGS: readonly string[] = ['log_level', 'log_file']
/** As in Celery, the variable wins over the argument, and has this name under any ENV_PREFIX. */
const ENVIRONMENT_FIRST: ReadonlyMap<string, string> = new Map([
  ['broker_url', 'CELERY_BROKER_URL'],
  ['broker_read_url', 'CELERY_BROKER_READ_URL'],
  ['broker_write_url', 'CELERY_BROKER_WRITE_URL'],
  ['result_backend', 'CELERY_RESULT_BACKEND'],
])
/** Settings whose variables need no prefix. */
const PLAIN_NAMES: readonly string[] = [
  'RABBITMQ_API_URL',
  'SENTRY_DSN',
  'SENTRY_NAME',
  'SENTRY_ENVIRONMENT',
  'SENTRY_RELEASE',
]

/** Arguments first, then the environment, then `.env`; what none of them gives has its default. */
export function resolveSettings(
  given: Readonly<Record<string, unknown>>,
  environment: Environment,
  options: { readonly isStrict: boolean; readonly problems: string[] },
): Resolution {
  const { problems } = options
  const entries = new Map<string, Entry>()
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const entry = readArgument(name, value, options)
    if (entry !== undefined) entries.set(name, entry)
  }
  const prefix = resolvePrefix(entries, environment)
  const resolution = { entries, environment, prefix, problems }
  for (const name of settingNames) resolveSetting(name, resolution)
  addOtherVariables(resolution)
  addSite(resolution)
  return resolution
}

function readArgument(
  name: string,
  value: unknown,
  options: { readonly isStrict: boolean; readonly problems: string[] },
): Entry | undefined {
  const setting = findSetting(name)
  if (setting !== undefined)
    return { value: readValue({ name, value }, setting, options.problems), source: 'argument' }
  if (!options.isStrict) return { value, source: 'argument' }
  options.problems.push(unknownSetting(name))
  return undefined
}

function unknownSetting(name: string): string {
  const today = newNameOf(name)
  if (today !== undefined) return `${name}: this old-style name is not read, expected ${today}`
  const nearest = nearestName(name, settingNames)
  const hint =
    nearest === undefined ? 'expected a setting of docs/config.md' : `did you mean ${nearest}?`
  return `${name}: there is no such setting, ${hint} (strict: false takes any)`
}

function resolvePrefix(entries: Map<string, Entry>, environment: Environment): string {
  const variable = environment.find('CELERY_ENV_PREFIX')
  if (!entries.has('ENV_PREFIX') && variable !== undefined && variable.text !== '') {
    entries.set('ENV_PREFIX', {
      value: variable.text,
      source: variable.source,
      variable: variable.name,
    })
  }
  const prefix = entries.get('ENV_PREFIX')?.value
  return typeof prefix === 'string' ? prefix : 'CELERY_'
}

function resolveSetting(name: string, resolution: Resolution): void {
  const { entries, problems } = resolution
  const setting = findSetting(name)
  if (setting === undefined) return
  const given = entries.get(name)
  const read = variablesOf(name, resolution).map((variable, place) => {
    const counts = place === 0 && (given === undefined || ENVIRONMENT_FIRST.has(name))
    // What does not count may be as wrong as it likes.
    return readVariable(name, variable, setting, counts ? problems : [])
  })
  const argument = given === undefined ? [] : [given]
  const winners = ENVIRONMENT_FIRST.has(name) ? leadingOfProcess(read) : 0
  const [first, ...rest] = [...read.slice(0, winners), ...argument, ...read.slice(winners)]
  if (first === undefined) entries.set(name, { value: setting.default, source: 'default' })
  else if (rest.length === 0) entries.set(name, first)
  else entries.set(name, { ...first, shadowed: rest.map((entry) => placeOf(entry, first)) })
}

/** How many of the first do not come from `.env`. */
function leadingOfProcess(read: readonly Entry[]): number {
  const ofFile = read.findIndex(({ source }) => source === '.env')
  return ofFile === -1 ? read.length : ofFile
}

function placeOf({ source, variable, value }: Entry, first: Entry): Place {
  const isSame = isSameValue(value, first.value)
  return { source, isSame, ...(variable === undefined ? {} : { variable }) }
}

/** The variables that give a setting: the process's own first, then that of `.env`. */
function variablesOf(name: string, { environment, prefix }: Resolution): readonly Variable[] {
  const celerys = ENVIRONMENT_FIRST.get(name)
  const names = [`${prefix}${name.toUpperCase()}`]
  if (celerys !== undefined) names.unshift(celerys)
  if (PLAIN_NAMES.includes(name)) names.push(name)
  const found = [...new Set(names)].flatMap((variable) => environment.findAll(variable))
  // An empty url is none, as in Celery.
  return celerys === undefined ? found : found.filter(({ text }) => text !== '')
}

function readVariable(
  name: string,
  variable: Variable,
  setting: Setting<unknown>,
  problems: string[],
): Entry {
  const entry = { source: variable.source, variable: variable.name }
  const value = readVariableText(variable, setting, problems)
  if (value === unfit) return { ...entry, value: setting.default }
  return { ...entry, value: readValue({ name, value, variable }, setting, problems) }
}

function readVariableText(
  variable: Variable,
  setting: Setting<unknown>,
  problems: string[],
): unknown {
  const takesNone = setting.type.read(null) !== unfit
  if (setting.type.environmentText === 'raw') {
    return takesNone && variable.text === 'None' ? null : variable.text
  }
  try {
    return readPythonLiteral(variable.text)
  } catch (error) {
    const mayBeText = setting.type.environmentText === 'literal or raw'
    if (mayBeText && setting.type.read(variable.text) !== unfit) return variable.text
    const why = textOfError(error)
    problems.push(
      `${variable.name}: ${shownText(variable)} cannot be read (${why}), expected ${setting.type.name}`,
    )
    return unfit
  }
}

/** Unreadable text may hold a secret anywhere: it is shown only when nothing in it sounds like one. */
function shownText(variable: Variable): string {
  const words = variable.text.match(/\w+/g) ?? []
  const isSecret = isSecretName(variable.name) || words.some(isSecretName)
  return isSecret ? "'***'" : printedShort(maskText(variable.text))
}

/** What `set` gives a setting that is not present: a variable of an unknown setting wins over the value. */
export function settledEntry(
  reading: Reading,
  variable: Variable | undefined,
  problems: string[],
): Entry {
  const setting = findSetting(reading.name)
  if (setting !== undefined) {
    return { value: readValue(reading, setting, problems), source: 'argument' }
  }
  if (variable === undefined) return { value: frozenCopy(reading.value), source: 'argument' }
  const type = typeof reading.value === 'string' ? text : literal
  const { value } = reading
  return readVariable(reading.name, variable, { type, default: value, documentation: '' }, problems)
}

interface Reading {
  readonly name: string
  readonly value: unknown
  readonly variable?: Variable | undefined
}

/** The value as its setting keeps it; one that does not fit is a problem, and the default stands in for it. */
function readValue(
  { name, value, variable }: Reading,
  setting: Setting<unknown>,
  problems: string[],
): unknown {
  const read = setting.type.read(value)
  if (read !== unfit) return frozenCopy(read)
  const from = variable === undefined ? '' : ` (from ${variable.name})`
  problems.push(
    `${name}${from}: ${printedShort(maskValue(name, value))} does not fit, expected ${setting.type.name}`,
  )
  return setting.default
}

/** Letters that a misspelt name may differ by: with more the intended name cannot be guessed. */
const MISSPELT = 2
const SHORTEST = 5

/** Variables with the prefix that name no setting, and all but name one. Their values are not shown: they may be secrets. */
export function misspeltVariables({ environment, prefix }: Resolution): readonly string[] {
  return environment.startingWith(prefix).flatMap(({ name: variable, source }) => {
    const name = variable.slice(prefix.length)
    const isOurs = findSetting(name.toLowerCase()) ?? findSetting(name.toUpperCase())
    if (isOurs !== undefined || name.length < SHORTEST) return []
    const nearest = nearestName(name, settingNames, MISSPELT)
    if (nearest === undefined) return []
    const place = source === '.env' ? ' (in .env)' : ''
    return [
      `${variable}${place} names no setting and has no effect; did you mean ${prefix}${nearest.toUpperCase()}?`,
    ]
  })
}

/** Every other variable with the prefix becomes a lowercase setting with the text it has. */
function addOtherVariables({ entries, environment, prefix }: Resolution): void {
  for (const variable of environment.startingWith(prefix)) {
    const upper = variable.name.slice(prefix.length)
    const name = upper.toLowerCase()
    if (NO_SETTINGS.includes(name) || entries.has(name) || entries.has(name.toUpperCase())) continue
    entries.set(name, { value: variable.text, source: variable.source, variable: variable.name })
  }
}

/** A site file says where the broker is, for who says nothing else of it. */
function addSite({ entries, environment, problems }: Resolution): void {
  if (entries.get('broker_transport')?.source !== 'default') return
  for (const [name, value] of Object.entries(environment.site)) {
    const setting = findSetting(name)
    if (setting === undefined || entries.get(name)?.source !== 'default') continue
    // Options of the site's broker are none of another's.
    if (name === 'broker_transport_options' && entries.get('broker_url')?.source !== 'site')
      continue
    entries.set(name, { value: readValue({ name, value }, setting, problems), source: 'site' })
  }
}

/** Lists and dicts are copied and frozen, so that no caller changes a setting from afar; other objects are kept. */
export function frozenCopy(value: unknown, depth = 0): unknown {
  if (depth > 50) return value
  if (Array.isArray(value)) return Object.freeze(value.map((item) => frozenCopy(item, depth + 1)))
  if (!isRecord(value)) return value
  const pairs = Object.entries(value).map(([key, item]) => [key, frozenCopy(item, depth + 1)])
  return Object.freeze(Object.fromEntries(pairs))
}
