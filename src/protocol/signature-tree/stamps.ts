import type { SignatureDict } from '../tasks/task-request.ts'
import { isTask } from './kinds.ts'
import { linksOf, listOf, withOptions } from './options.ts'
import { mapParts } from './parts.ts'

type Stamps = Readonly<Record<string, unknown>>

/** Puts stamps on a signature: on each task within, and on its callbacks. Stamps it has already stay. */
export function stamped(dict: SignatureDict, stamps: Stamps): SignatureDict {
  const whole = withStampedLinks(dict, stamps)
  if (isTask(dict)) return withOptions(whole, stampOptions(dict, stamps))
  return mapParts(whole, (part) => stamped(part, stamps))
}

function stampOptions(dict: SignatureDict, stamps: Stamps): Record<string, unknown> {
  const own = listOf(dict.options.stamped_headers)
  const names = Object.keys(stamps).filter((name) => !own.includes(name))
  const values = Object.fromEntries(names.map((name) => [name, stamps[name]]))
  return { ...values, stamped_headers: [...own, ...names] }
}

function withStampedLinks(dict: SignatureDict, stamps: Stamps): SignatureDict {
  const names = (['link', 'link_error'] as const).filter((name) => linksOf(dict, name).length > 0)
  if (names.length === 0) return dict
  const links = names.map((name) => [
    name,
    linksOf(dict, name).map((link) => stamped(link, stamps)),
  ])
  return withOptions(dict, Object.fromEntries(links))
}
