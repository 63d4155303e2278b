import { readPythonLiteral } from '../../config/python-literal/python-literal.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'

/**
 * An error as events show it (`ValueError('no good')`) in the words in which stored results show it
 * (`ValueError: no good`). What cannot be read stays as it is.
 */
export function errorText(repr: string, traceback: string | null): string {
  const cause = RETRY.exec(repr)?.[1] ?? repr
  // Celery 5.2 names what carries the error instead of the error; its traceback ends with it.
  if (cause === 'ExceptionWithTraceback()') return lastLine(traceback) ?? cause
  if (cause.length > LONGEST_READ) return cause
  const [, name = '', args = ''] = CALL.exec(cause) ?? []
  const texts = name === '' ? null : textsOf(args)
  if (texts === null) return cause
  return [name, texts.join(', ')].filter((part) => part !== '').join(': ')
}

/** Longer texts stay as they are: they are not read word by word. */
const LONGEST_READ = 20_000

/** Why a worker refused to run it, as a stored result says it. */
export function revokedText({ expired, terminated }: Readonly<Record<string, unknown>>): string {
  if (expired === true) return 'TaskRevokedError: expired'
  return `TaskRevokedError: ${terminated === true ? 'terminated' : 'revoked'}`
}

/** What is retried, and because of what, and when. */
const RETRY = /^Retry\(Retry\(\.\.\.\), (.*), [^,]*\)$/s
const CALL = /^(?:\w+\.)*(\w+)\((.*)\)$/s

function textsOf(args: string): string[] | null {
  if (args === '') return []
  try {
    const values = readPythonLiteral(`[${args}]`)
    return Array.isArray(values) && values.every(isSimple) ? values.map(pythonText) : null
  } catch {
    return null
  }
}

function isSimple(value: unknown): boolean {
  return value === null || typeof value === 'string' || Number.isSafeInteger(value)
}

function pythonText(value: unknown): string {
  return value === null ? 'None' : String(value)
}

function lastLine(traceback: string | null): string | null {
  const text = traceback?.trimEnd() ?? ''
  const line = text.slice(text.lastIndexOf('\n') + 1).trim()
  if (line === '') return null
  // Without the module, as elsewhere.
  return line.length > LONGEST_READ ? line : line.replace(/^(?:\w+\.)+(?=\w+(?::|$))/, '')
}

/** A text of an error as a task's row has it; the event has all of it. */
export function safeText(text: string | null, privacy: Privacy): string | null {
  return text === null ? null : privacy.text(storableText(shortened(text)))
}

/** More is read by no person, and a row with it would take its memory several times. */
const LONGEST_SHOWN = 1024 * 1024

function shortened(text: string): string {
  const left = text.length - LONGEST_SHOWN
  if (left <= 0) return text
  const half = LONGEST_SHOWN / 2
  return `${text.slice(0, half)}\n[… ${left} characters, see its event …]\n${text.slice(-half)}`
}
