import { safeUrl } from '../safe-url.ts'

const MASK = '***'
const SECRET_WORD =
  /^(?:pass|passwd|password|passphrase|pwd|secret|token|key|keys|apikey|credentials?|dsn|auth|authorization|sas|signature)$/i
/** Names with a word that sounds secret and is not. */
const NO_SECRET =
  /(?:routing|binding|partition|group|sort|cache|hash|primary)[_-]?keys?$|key[_-]?(?:prefix|space|name)|auth[_-]?provider|^security_key$|publish_key|token_?type|key[_-]?alias/i

/** Whether a setting, option or key of that name holds a secret. */
export function isSecretName(name: string): boolean {
  if (NO_SECRET.test(name)) return false
  return wordsOf(name).some((word) => SECRET_WORD.test(word))
}

/** Text without the passwords of the urls in it and without the values of `secret=...` pairs. */
export function maskText(text: string): string {
  return safeUrl(text)
    .replace(/([a-z][\w+.-]*:\/\/[^:/?#@\s]*):.*@(?=[^@]*$)/is, `$1:${MASK}@`)
    .replace(/([\w.-]+)(\s*=\s*)([^&;,\s]+)/g, (pair: string, name: string, equals: string) =>
      isSecretName(name) ? `${name}${equals}${MASK}` : pair,
    )
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
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
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
