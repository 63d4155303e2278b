import { randomUUID } from 'node:crypto'
import { TaskError } from '../../errors.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import { GroupResult } from '../../results/group-result.ts'
import type { ResultStore } from '../../results/result-store.ts'
import { currentApp } from '../app/current-app.ts'
import type { Publisher, Started } from '../calls/publisher.ts'

/**
 * Publishes groups without members: there is nothing to send, and their results are there at once. No member says which
 * app they belong to, so they are saved with the app that was created last, as in Celery.
 */
export const emptyGroupPublisher: Publisher = {
  replyTo: '',
  linksChordHeaders: false,
  start: async () => ({ id: randomUUID(), members: [], parent: null }),
  // The caller knows what its value is.
  resultOf: <Value>({ id }: Started) => emptyResult(id) as AsyncResult as AsyncResult<Value>,
  groupResult: ({ id }) => emptyResult(id),
  publish: refuse,
  beginChord: refuse,
  asyncResult: () => {
    throw noApp()
  },
}

function emptyResult<Value>(id: string): GroupResult<Value> {
  return new GroupResult<Value>(id, [], { store })
}

async function store(): Promise<ResultStore> {
  const app = currentApp()
  if (app === undefined) throw noApp()
  return await app.results()
}

async function refuse(): Promise<never> {
  throw noApp()
}

function noApp(): TaskError {
  return new TaskError('TASK_INVALID', 'an empty group has no app: create the app first')
}
