import { isRecord } from '../protocol/field-readers.ts'
import { lacksScheme, safeUrl } from '../safe-url.ts'
import { nearestName } from './resolve/nearest-name.ts'

const MASK = '***'
const SECRET_WORD =
  /^(?:pass|passwd|passwords?|passphrases?|pwd|secrets?|tokens?|keys?|apikeys?|secretkeys?|accesskeys?|credentials?|dsn|auth|authorization|sas|signature)$/i
/** Who misspells one of these has a secret in it all the same. */
const OFTEN_MISSPELT = ['password', 'passphrase', 'secret', 'credentials']
/** Names with a word that sounds secret and is not. */
const NO_SECRET =
  /(?:routing|binding|partition|group|sort|cache|hash|primary)[_-]?keys?$|key[_-]?(?:prefix|space|name)|auth[_-]?provider|^security_key$|publish_key|token_?type|key[_-]?alias/i

/** Whether a setting, option or key of that name holds a secret. */
export function isSecretName(name: string): boolean {
  if (NO_SECRET.test(name)) return false
  return wordsOf(name).some((word) => SECRET_WORD.test(word) || isMisspelt(word))
}

function isMisspelt(word: string): boolean {
  if (word.length < 5 || word.length > 12) return false
  const like = OFTEN_MISSPELT.filter(
    (secret) => secret[0] === word[0]?.toLowerCase() && Math.abs(secret.length - word.length) <= 1,
  )
  return nearestName(word, like, 1) !== undefined
}

/** No log line, and no setting, needs more; what is longer is cut before it is searched. */
const LONGEST = 32_768

/** Text without the passwords of the urls in it and without the values of `secret=...` and `'secret': '...'`. */
export function maskText(text: string): string {
  const isPlain = !/=|:\/\/|["']\s*:/.test(text) && !lacksScheme(text)
  if (text.length <= LONGEST && isPlain) return text
  const cut = text.length - LONGEST
  return cut <= 0 ? masked(text) : `${masked(text.slice(0, LONGEST))}… (${cut} more characters)`
}

function masked(text: string): string {
  return maskPairs(maskLogin(text))
}

/** In text, too, a password may hold anything: it ends with the last @. */
function maskLogin(text: string): string {
  const lastAt = text.lastIndexOf('@')
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const start = schemeStart(text, at)
    const userEnd = endOfUser(text, at + 3)
    // The urls in our own errors are masked: what follows them is the reason, which may name a queue with an @.
    if (text.startsWith(`:${MASK}@`, userEnd)) continue
    if (start < at && text[userEnd] === ':' && lastAt > userEnd) {
      return `${text.slice(0, userEnd)}:${MASK}${text.slice(lastAt)}`
    }
    if (start === 0 && !/\s/.test(text)) return safeUrl(text)
  }
  return text.includes('://') ? maskWords(text) : safeUrl(text)
}

/** Where the scheme before `://` begins. */
function schemeStart(text: string, end: number): number {
  let start = end
  while (start > 0 && end - start < 32 && /[\w+.-]/.test(text[start - 1] ?? '')) start -= 1
  return start
}

function endOfUser(text: string, start: number): number {
  let end = start
  while (end < text.length && !/[:/?#@\s]/.test(text[end] ?? '')) end += 1
  return end
}

/** Urls among other words. */
function maskWords(text: string): string {
  return text
    .split(/(?<=\s)/)
    .map((word) => (/^["'(<]*[a-z][\w+.-]{0,31}:\/\//i.test(word) ? maskWord(word) : word))
    .join('')
}

/** Pages have an @ in their paths; brokers and databases have it after a login. */
function maskWord(word: string): string {
  return /^["'(<]*(?:https?|file|node):/i.test(word) ? word : safeUrl(word)
}

/** `name=value`, or `'name': 'value'`: from one to the next, so that each character is looked at a few times at most. */
function maskPairs(text: string): string {
  let done = ''
  let from = 0
  for (const { index, 0: mark } of text.matchAll(/=|["']\s*:(?=\s*[bu]?["'[{(])/g)) {
    if (index < from) continue
    if (!isSecretName(nameBefore(text, index, from))) continue
    const value = valueAfter(text, index + mark.length)
    if (value.start === value.end) continue
    done += `${text.slice(from, value.start)}${MASK}`
    from = value.end
  }
  return done + text.slice(from)
}

const LONGEST_NAME = 100

function nameBefore(text: string, equals: number, from: number): string {
  let end = equals
  while (end > from && /\s/.test(text[end - 1] ?? '')) end -= 1
  let start = end
  while (start > from && end - start < LONGEST_NAME && /[\w.-]/.test(text[start - 1] ?? ''))
    start -= 1
  return text.slice(start, end)
}

/** In quotes or brackets it ends with them; else with a blank, an & or a separator that something like it follows. */
function valueAfter(text: string, from: number): { readonly start: number; readonly end: number } {
  let start = from
  while (start < text.length && /\s/.test(text[start] ?? '')) start += 1
  const isPrefixed = /[bu]/.test(text[start] ?? '') && /["']/.test(text[start + 1] ?? '')
  const opening = start + (isPrefixed ? 1 : 0)
  const first = text[opening] ?? ''
  if (/["']/.test(first)) return { start, end: endOfQuotes(text, opening) }
  if (/[[{(]/.test(first)) return { start, end: endOfBrackets(text, start) }
  let end = start
  while (end < text.length && !isEndOfValue(text, end)) end += 1
  return { start, end }
}

function endOfQuotes(text: string, opening: number): number {
  let end = opening + 1
  while (end < text.length && text[end] !== text[opening]) end += text[end] === '\\' ? 2 : 1
  return Math.min(end + 1, text.length)
}

/** Of brackets in quotes, some may be counted as well: then it ends later. */
function endOfBrackets(text: string, opening: number): number {
  let depth = 0
  for (let at = opening; at < text.length; at += 1) {
    if (/[[{(]/.test(text[at] ?? '')) depth += 1
    if (/[\]})]/.test(text[at] ?? '')) depth -= 1
    if (depth === 0) return at + 1
  }
  return text.length
}

function isEndOfValue(text: string, at: number): boolean {
  const character = text[at] ?? ''
  if (/[&\s]/.test(character)) return true
  return /[;,]/.test(character) && /^(?:\s|$|[\w.-]{1,100}=)/.test(text.slice(at + 1, at + 102))
}

/** The value with every secret in it as `***`; `name` is the setting or key that holds it. */
export function maskValue(name: string, value: unknown): unknown {
  return maskNested(name, value, [])
}

function maskNested(name: string, value: unknown, holders: readonly unknown[]): unknown {
  if (isSecretName(name) && !isHarmless(value)) return MASK
  if (typeof value === 'string') return maskText(value)
  if (value instanceof URL) return maskText(value.href)
  if (typeof value !== 'object' || value === null) return value
  if (holders.includes(value)) return '...'
  return maskObject(name, value, [...holders, value])
}

function maskObject(name: string, value: object, holders: readonly unknown[]): unknown {
  const mask = (key: string, item: unknown) => maskNested(key, item, holders)
  if (Array.isArray(value)) return maskItems(name, value, holders)
  if (value instanceof Set) return new Set(maskItems(name, [...value], holders))
  if (value instanceof Map) {
    return new Map(
      [...value].map(([key, item]) => [maskNested('', key, holders), mask(String(key), item)]),
    )
  }
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [maskText(key), mask(key, item)]),
  )
}

/** A pair such as `['password', 'x']` is masked as a dict's would be. */
function maskItems(
  name: string,
  items: readonly unknown[],
  holders: readonly unknown[],
): unknown[] {
  const [first] = items
  const isPair = items.length === 2 && typeof first === 'string' && isSecretName(first)
  return items.map((item, index) =>
    maskNested(isPair && index === 1 ? String(first) : name, item, holders),
  )
}

/** Says whether there is a secret, not which. */
function isHarmless(value: unknown): boolean {
  return value === null || value === undefined || value === '' || typeof value === 'boolean'
}

function wordsOf(name: string): readonly string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .split(/[^A-Za-z0-9]+/)
    .flatMap((word) => [word, word.replace(/\d+$/, ''), word.replace(/^(?:ssl|api|db|my|pg)/i, '')])
}
