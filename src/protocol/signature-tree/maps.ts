import { TaskError } from '../../errors.ts'
import { readSignature, signatureDict } from '../signatures.ts'
import type { SignatureDict } from '../tasks/task-request.ts'

export const MAP = 'celery.map'
export const STARMAP = 'celery.starmap'
export const CHUNKS = 'celery.chunks'

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
      `chunks of ${String(n)} of ${String(it)}: expected a list and a size above 0`,
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
