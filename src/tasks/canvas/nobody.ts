import { randomUUID } from 'node:crypto'
import { TaskError } from '../../errors.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import { GroupResult } from '../../results/group-result.ts'
import type { Publisher, Started } from '../publisher.ts'

/** Publishes groups that have no members, which need no app: their results are there at once. */
export const NOBODY: Publisher = {
  replyTo: '',
  linksChordHeaders: false,
  start: async () => ({ id: randomUUID(), members: [], parent: null }),
  // Whoever starts it knows what its value is.
  resultOf: <Value>({ id }: Started) => emptyResult(id) as AsyncResult as AsyncResult<Value>,
  groupResult: ({ id }) => emptyResult(id),
  publish: refuse,
  beginChord: refuse,
  asyncResult: () => {
    throw nobody()
  },
}

function emptyResult<Value>(id: string): GroupResult<Value> {
  return new GroupResult<Value>(id, [], { store: refuse })
}

async function refuse(): Promise<never> {
  throw nobody()
}

function nobody(): TaskError {
  return new TaskError('TASK_INVALID', 'a group of nobody belongs to no app')
}
