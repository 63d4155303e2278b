import type { ControlCommand } from './control.ts'

/** Whether a command is for the worker of this name. A pattern that cannot be read is for nobody. */
export function isAddressedTo(
  { destination, pattern, matcher }: Pick<ControlCommand, 'destination' | 'pattern' | 'matcher'>,
  hostname: string,
): boolean {
  if (destination !== null) return destination.includes(hostname)
  if (pattern === null || matcher === null) return true
  try {
    return expressionOf(pattern, matcher).test(hostname)
  } catch {
    // Patterns are Python's: some of them JavaScript cannot read.
    return false
  }
}

/** As Python matches: a glob the whole name, an expression from its beginning. */
function expressionOf(pattern: string, matcher: 'glob' | 'pcre'): RegExp {
  return matcher === 'pcre'
    ? new RegExp(`^(?:${pattern})`, 'su')
    : new RegExp(`^${globParts(pattern).join('')}$`, 'su')
}

function globParts(pattern: string): string[] {
  const parts = pattern.match(/\*|\?|\[!?\]?[^\]]*\]|[\s\S]/gu) ?? []
  return parts.map((part) => {
    if (part === '*') return '.*'
    if (part === '?') return '.'
    return part.length > 2 && part.startsWith('[') ? setOf(part.slice(1, -1)) : quoted(part)
  })
}

function setOf(inside: string): string {
  const isNegated = inside.startsWith('!')
  const members = (isNegated ? inside.slice(1) : inside).replace(/[\\\]^[]/g, '\\$&')
  return `[${isNegated ? '^' : ''}${members}]`
}

function quoted(part: string): string {
  return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
