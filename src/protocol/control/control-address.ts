import { runInNewContext } from 'node:vm'
import type { ControlCommand } from './control.ts'

/** Whether a command is for the worker of this name. A pattern that cannot be read addresses no worker. */
export function isAddressedTo(
  { destination, pattern, matcher }: Pick<ControlCommand, 'destination' | 'pattern' | 'matcher'>,
  hostname: string,
): boolean {
  if (destination !== null) return destination.includes(hostname)
  if (pattern === null || matcher === null) return true
  if (pattern.length > LONGEST_PATTERN) return false
  return matcher === 'glob' ? matchesGlob(pattern, hostname) : matchesExpression(pattern, hostname)
}

const LONGEST_PATTERN = 1000

/** As Python's fnmatch, the whole name. It goes back to the last star only, so many stars cost no more than one. */
function matchesGlob(pattern: string, name: string): boolean {
  const parts = globParts(pattern)
  const characters = [...name]
  let [part, at, afterStar, retryAt] = [0, 0, -1, 0]
  while (at < characters.length) {
    if (parts[part] === '*') {
      part += 1
      afterStar = part
      retryAt = at
    } else if (part < parts.length && matchesPart(parts[part] ?? '', characters[at] ?? '')) {
      part += 1
      at += 1
    } else if (afterStar >= 0) {
      part = afterStar
      retryAt += 1
      at = retryAt
    } else return false
  }
  return parts.slice(part).every((rest) => rest === '*')
}

function globParts(pattern: string): string[] {
  return pattern.match(/\*|\?|\[!?\]?[^\]]*\]|[\s\S]/gu) ?? []
}

function matchesPart(part: string, character: string): boolean {
  if (part === '?') return true
  if (part.length < 3 || !part.startsWith('[')) return part === character
  try {
    return new RegExp(setOf(part.slice(1, -1)), 'su').test(character)
  } catch {
    // A range from z to a: no character is in it.
    return false
  }
}

function setOf(inside: string): string {
  const isNegated = inside.startsWith('!')
  const members = (isNegated ? inside.slice(1) : inside).replace(/[\\\]^[]/g, '\\$&')
  return `[${isNegated ? '^' : ''}${members}]`
}

/** As Python's re.match, from the beginning. An expression can take for ever; this one is ended. */
function matchesExpression(pattern: string, name: string): boolean {
  try {
    const expression = new RegExp(`^(?:${pattern})`, 'su')
    return runInNewContext('expression.test(name)', { expression, name }, { timeout: MATCH_MS })
  } catch {
    // It took too long, or is one of Python's that JavaScript cannot read.
    return false
  }
}

const MATCH_MS = 50
