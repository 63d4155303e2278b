import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { isChain, isChord, isGroup, listOf, tasksOf, withOptions } from './dicts.ts'
import { withTasks } from './freeze.ts'

type Stamps = Readonly<Record<string, unknown>>

/** Puts stamps on a signature: on each task within, and on its callbacks. Stamps it has already stay. */
export function stamped(dict: SignatureDict, stamps: Stamps): SignatureDict {
  if (isChain(dict) || isGroup(dict)) {
    return withTasks(
      dict,
      tasksOf(dict).map((task) => stamped(task, stamps)),
    )
  }
  if (isChord(dict)) return stampedChord(dict, stamps)
  return withOptions(dict, { ...stampOptions(dict, stamps), ...stampedLinks(dict, stamps) })
}

function stampOptions(dict: SignatureDict, stamps: Stamps): Record<string, unknown> {
  const own = listOf(dict.options.stamped_headers)
  const added = Object.keys(stamps).filter((name) => !own.includes(name))
  const values = Object.fromEntries(added.map((name) => [name, stamps[name]]))
  return { ...values, stamped_headers: [...own, ...added] }
}

function stampedLinks({ options }: SignatureDict, stamps: Stamps): Record<string, unknown> {
  const names = ['link', 'link_error'].filter((name) => listOf(options[name]).length > 0)
  return Object.fromEntries(
    names.map((name) => [
      name,
      listOf(options[name]).map((link) => stamped(readSignature(link), stamps)),
    ]),
  )
}

function stampedChord(chord: SignatureDict, stamps: Stamps): SignatureDict {
  const { header, body } = chord.kwargs
  const stampedHeader = Array.isArray(header)
    ? header.map((member) => stamped(readSignature(member), stamps))
    : stamped(readSignature(header), stamps)
  return {
    ...chord,
    kwargs: { ...chord.kwargs, header: stampedHeader, body: stamped(readSignature(body), stamps) },
  }
}
