import { isDeepStrictEqual } from 'node:util'
import { likenessOf } from '../likeness.ts'
import { readSignature } from '../signatures.ts'
import { type CallOptions, dictOf, dictsOf, fromWireOptions } from '../tasks/call-options.ts'
import type { SignatureDict } from '../tasks/task-request.ts'

/** Everything that a signature's own options and those of its call say, by what each is for. */
export interface SignatureOptions {
  /** How the call is made: of a chain its first step's, of a group each member's, of a chord its header's and its body's. */
  readonly call: CallOptions
  /** Headers and priority: of every task within, where it has none of its own. */
  readonly inherited: Pick<CallOptions, 'headers' | 'priority'>
  /** Called with the result of its end. */
  readonly link: readonly SignatureDict[]
  /** Called where something of it fails. */
  readonly linkError: readonly SignatureDict[]
  /** What its end is, for those who wait for it: an id, a place in a group, the body of a chord. */
  readonly end: Pick<CallOptions, 'taskId' | 'groupId' | 'groupIndex' | 'chord'>
  /** The steps behind it, the LAST one next. */
  readonly chain: readonly SignatureDict[] | undefined
  /** What Celery does not know: stamps, and headers. */
  readonly extra: Readonly<Record<string, unknown>>
}

/** Reads them all, those of the call over its own; links and steps behind it add up. */
export function optionsOf({ options }: SignatureDict, called: CallOptions = {}): SignatureOptions {
  const { options: own, extra } = fromWireOptions(options)
  const { headers, priority, link, linkError, taskId, groupId, groupIndex, chord, chain, ...call } =
    { ...own, ...called }
  return {
    call,
    inherited: defined<CallOptions>({ headers, priority }),
    link: added(dictsOf(own.link), dictsOf(called.link)),
    linkError: added(dictsOf(own.linkError), dictsOf(called.linkError)),
    // An empty id is none, as in Python.
    end: defined<CallOptions>({ taskId: taskId || undefined, groupId, groupIndex, chord }),
    chain: chain === undefined ? undefined : [...chainOf(called), ...chainOf(own)],
    extra,
  }
}

function chainOf({ chain = [] }: CallOptions): readonly SignatureDict[] {
  return chain.map((step) => readSignature(dictOf(step), 'options.chain'))
}

/**
 * The options of a group are those of each of its members, over their own, as in Celery: callbacks, errbacks and the steps
 * behind it among them.
 */
export function memberOptions({
  call,
  link,
  linkError,
  chain,
  end: { chord },
}: SignatureOptions): CallOptions {
  return {
    ...call,
    ...(link.length === 0 ? {} : { link }),
    ...(linkError.length === 0 ? {} : { linkError }),
    ...defined<CallOptions>({ chain, chord }),
  }
}

export function taskIdOf(dict: SignatureDict): string {
  return String(dict.options.task_id)
}

export function withOptions(
  dict: SignatureDict,
  options: Readonly<Record<string, unknown>>,
): SignatureDict {
  return { ...dict, options: { ...dict.options, ...options } }
}

/** Signatures stand in options as one, as several or as null. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

export function linksOf({ options }: SignatureDict, name: 'link' | 'link_error'): SignatureDict[] {
  return listOf(options[name]).map((link) => readSignature(link, `options.${name}`))
}

/** Each once, as in Python. */
export function added(
  before: readonly SignatureDict[] | null,
  more: readonly SignatureDict[] | null,
): readonly SignatureDict[] {
  const all = [...(before ?? []), ...(more ?? [])]
  if (all.length < 2) return all
  const seen = new Map<string, SignatureDict[]>()
  return all.filter((next) => {
    const digest = likenessOf(next)
    const alike = seen.get(digest)
    if (alike?.some((other) => isDeepStrictEqual(other, next)) === true) return false
    if (alike === undefined) seen.set(digest, [next])
    else alike.push(next)
    return true
  })
}

/** Options without those that are undefined, so that they can be laid over others. */
export function defined<Options extends object>(
  options: {
    readonly [Name in keyof Options]: Options[Name] | undefined
  },
): Options {
  // What is left are exactly the options that have a value.
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Options
}
