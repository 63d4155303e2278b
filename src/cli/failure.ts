import { harmlessText } from '../codecs/python/python-text.ts'
import { UsageError } from '../errors.ts'
import { printError } from './output/output.ts'

/** What the caller can mend on the command line or in the settings; everything else is work that failed. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'USAGE_INVALID',
  'TASK_INVALID',
  'TASK_UNROUTABLE',
  'TASK_AMBIGUOUS',
  'RESULT_BACKEND_UNKNOWN',
  'RESULT_DISABLED',
])

export function exitCodeOf(error: unknown): 1 | 2 {
  return USAGE_CODES.has(codeOf(error) ?? '') ? 2 : 1
}

/** `error: message [CODE]` on standard error; the stack where it was asked for, or where the error is not ours. */
export function reportFailure(error: unknown, options: { readonly withStack: boolean }): void {
  const code = codeOf(error)
  const message = `${messageOf(error)}${whatIsMissing(error)}${whichBroker(error)}`
  printError(harmlessText(code === undefined ? `error: ${message}` : `error: ${message} [${code}]`))
  if (!(error instanceof Error)) return
  if (options.withStack) printError(harmlessText(stacksOf(error)))
  else if (code === undefined) printError('Run it again with --debug to see where this came from.')
}

/** A table or view of ours that PostgreSQL does not know was never made, or not in this database. */
function whatIsMissing(error: unknown): string {
  const isUnknown = error instanceof Error && 'code' in error && error.code === '42P01'
  return isUnknown && /"(?:monitor\.|celery_)/.test(error.message)
    ? '; run "celery-toolbox migrate up", or name another database'
    : ''
}

/** Where the url is the default: the caller may have forgotten to name a broker. */
function whichBroker(error: unknown): string {
  const isDefault = error instanceof Error && error.message.startsWith('sqs:// cannot be reached')
  return isDefault
    ? '; sqs:// is the default: name your broker with -b amqp://…, CELERY_BROKER_URL or the app (-A)'
    : ''
}

/** By its code, not its class: an app may bring a copy of the toolbox of its own. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined
  return typeof error.code === 'string' && /^[A-Z]+(?:_[A-Z]+)+$/.test(error.code)
    ? error.code
    : undefined
}

/** The work of another, as it loads: `what` says whose. Configuration errors pass, as they tell enough. */
export function asUsageError(what: string, cause: unknown): unknown {
  if (codeOf(cause) === 'CONFIG_INVALID' || cause instanceof UsageError) return cause
  const place = cause instanceof Error ? firstFrame(cause) : ''
  return new UsageError(`${what}: ${messageOf(cause)}${place}`, { cause })
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  return 'code' in error ? String(error.code) : error.name
}

function firstFrame(error: Error): string {
  const frame = error.stack?.split('\n').find((line) => /^\s+at .*(?:file:|[/\\])/.test(line))
  return frame === undefined || frame.includes('node:internal') ? '' : `\n ${frame.trimEnd()}`
}

function stacksOf(error: Error): string {
  const stack = error.stack ?? String(error)
  return error.cause instanceof Error ? `${stack}\ncaused by ${stacksOf(error.cause)}` : stack
}
