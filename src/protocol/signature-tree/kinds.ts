import { TaskError } from '../../errors.ts'
import { showValue } from '../show-value.ts'
import { readSignature, signatureDict } from '../signatures.ts'
import {
  type CallOptions,
  dictOf,
  dictsOf,
  type SignatureLike,
  toWireOptions,
} from '../tasks/call-options.ts'
import type { SignatureDict } from '../tasks/task-request.ts'

export const MAP = 'celery.map'
export const STARMAP = 'celery.starmap'
export const CHUNKS = 'celery.chunks'

/** What a signature is, https://docs.celeryq.dev/en/stable/userguide/canvas.html#the-primitives */
type SignatureKind = 'task' | 'chain' | 'group' | 'chord' | 'map' | 'starmap' | 'chunks'

/** Each kind by the task that stands for it; `subtask_type` is what Python looks at, and comes first. */
const KINDS: ReadonlyMap<string, SignatureKind> = new Map([
  ['celery.chain', 'chain'],
  ['celery.group', 'group'],
  ['celery.chord', 'chord'],
  [MAP, 'map'],
  [STARMAP, 'starmap'],
  [CHUNKS, 'chunks'],
])

export function kindOf({ task, subtask_type }: SignatureDict): SignatureKind {
  if (subtask_type === 'chain' || subtask_type === 'group' || subtask_type === 'chord') {
    return subtask_type
  }
  return KINDS.get(task) ?? 'task'
}

export function isChain(dict: SignatureDict): boolean {
  return kindOf(dict) === 'chain'
}

export function isGroup(dict: SignatureDict): boolean {
  return kindOf(dict) === 'group'
}

export function isChord(dict: SignatureDict): boolean {
  return kindOf(dict) === 'chord'
}

/** It is one message, and not made of others. */
export function isTask(dict: SignatureDict): boolean {
  const kind = kindOf(dict)
  return kind === 'task' || kind === 'map' || kind === 'starmap'
}

/** Steps one after another, each with the result of the one before it. */
export function chainDict(
  steps: readonly SignatureLike[],
  options: CallOptions = {},
): SignatureDict {
  return signatureDict({
    task: 'celery.chain',
    kwargs: { tasks: dictsOf(steps) ?? [] },
    options: toWireOptions(options),
    subtask_type: 'chain',
  })
}

/** Members side by side. */
export function groupDict(
  members: readonly SignatureLike[],
  options: CallOptions = {},
): SignatureDict {
  return signatureDict({
    task: 'celery.group',
    kwargs: { tasks: dictsOf(members) ?? [] },
    options: toWireOptions(options),
    subtask_type: 'group',
  })
}

/** A body that gets the results of all members of a header. */
export function chordDict(
  header: SignatureLike,
  body: SignatureLike,
  options: CallOptions = {},
): SignatureDict {
  return signatureDict({
    task: 'celery.chord',
    kwargs: { header: dictOf(header), body: dictOf(body), kwargs: {} },
    options: toWireOptions(options),
    subtask_type: 'chord',
  })
}

/** One task that calls another's function with each item, https://docs.celeryq.dev/en/stable/userguide/canvas.html#map-starmap */
export function mapDict(task: SignatureDict, items: readonly unknown[]): SignatureDict {
  return signatureDict({ task: MAP, kwargs: { task, it: items }, immutable: true })
}

/** The same, each item being a list of arguments. */
export function starmapDict(task: SignatureDict, items: readonly unknown[]): SignatureDict {
  return signatureDict({ task: STARMAP, kwargs: { task, it: items }, immutable: true })
}

/** Items by the dozen: started, it is a group of starmaps of `size` items each. */
export function chunksDict(
  task: SignatureDict,
  items: readonly unknown[],
  size: number,
): SignatureDict {
  return signatureDict({ task: CHUNKS, kwargs: { task, it: items, n: size }, immutable: true })
}

/** The group that chunks are; anything else as it is. */
export function unchunked(dict: SignatureDict): SignatureDict {
  return dict.task === CHUNKS ? chunksGroup(dict) : dict
}

export function chunksGroup({ kwargs, options }: SignatureDict): SignatureDict {
  const { task, it, n } = kwargs
  if (!Array.isArray(it) || typeof n !== 'number' || !(Number.isInteger(n) && n > 0)) {
    throw new TaskError(
      'TASK_INVALID',
      `chunks of ${showValue(n)} of ${showValue(it)}: expected a list and a size above 0`,
    )
  }
  const signature = readSignature(task)
  const starmaps: SignatureDict[] = []
  for (let at = 0; at < it.length; at += n) {
    starmaps.push(starmapDict(signature, it.slice(at, at + n)))
  }
  return signatureDict({
    task: 'celery.group',
    kwargs: { tasks: starmaps },
    options,
    subtask_type: 'group',
  })
}

/** The task whose function a map calls: only where that is known can the map be run. */
export function mappedTask({ task, kwargs }: SignatureDict): string | undefined {
  return task === MAP || task === STARMAP ? readSignature(kwargs.task).task : undefined
}
