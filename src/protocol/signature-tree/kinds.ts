import type { SignatureDict } from '../tasks/task-request.ts'
import { CHUNKS, MAP, STARMAP } from './maps.ts'

/** What a signature is, https://docs.celeryq.dev/en/stable/userguide/canvas.html#the-primitives */
export type SignatureKind = 'task' | 'chain' | 'group' | 'chord' | 'map' | 'starmap' | 'chunks'

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
