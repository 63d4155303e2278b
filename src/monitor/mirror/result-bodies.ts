import { isRecord } from '../../protocol/field-readers.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { fitsIndex, storableText } from '../stored/storable-text.ts'

/**
 * The ids of chords' bodies that a message marks with `is_result`, as `.set(is_result=True)` does: RabbitMQ carries the
 * option in the signature of the body only, within celery.chord_unlock or the members of the chord.
 */
export function resultBodies(request: TaskRequest): readonly string[] {
  const { task, args, chord } = request
  if (task === 'celery.chord_unlock') return [args[1], chord].flatMap(markedBody)
  return chord === null ? NONE : markedBody(chord)
}

const NONE: readonly string[] = []

function markedBody(signature: unknown): string[] {
  if (!isRecord(signature) || !isRecord(signature.options)) return []
  const { task_id: id, is_result: isResult } = signature.options
  return isMark(isResult) && typeof id === 'string' && fitsIndex(id) ? [storableText(id)] : []
}

/** As any language writes true. */
function isMark(value: unknown): boolean {
  if (typeof value === 'string') return /^(?:true|1)$/i.test(value)
  return value === true || value === 1 || value === 1n
}
