import { isTask } from '../../protocol/signature-tree/kinds.ts'
import { linksOf, listOf, withOptions } from '../../protocol/signature-tree/options.ts'
import { mapParts } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'

type Stamps = Readonly<Record<string, unknown>>

/** Puts stamps on a signature: on each task within, and on its callbacks. Stamps it has already stay. */
export function stamped(dict: SignatureDict, stamps: Stamps): SignatureDict {
  const linked = withStampedLinks(dict, stamps)
  if (isTask(dict)) return withOptions(linked, stampOptions(dict, stamps))
  return mapParts(linked, (part) => stamped(part, stamps))
}

function stampOptions(dict: SignatureDict, stamps: Stamps): Record<string, unknown> {
  const own = listOf(dict.options.stamped_headers)
  const added = Object.keys(stamps).filter((name) => !own.includes(name))
  const values = Object.fromEntries(added.map((name) => [name, stamps[name]]))
  return { ...values, stamped_headers: [...own, ...added] }
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
