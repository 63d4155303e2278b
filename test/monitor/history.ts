import { writePickle } from '../../src/codecs/pickle/pickle-writer.ts'
import type { Database } from '../../src/database/database.ts'
import type { Message } from '../../src/protocol/message.ts'
import { signatureDict } from '../../src/protocol/signatures.ts'
import { message, withBody } from './messages.ts'
import { openPlace, type Place, recorded, startMonitor } from './monitored.ts'

const KWARGS = { slug: 'project-1', options: { title: 'Report number 1' } }
const ZIP = signatureDict({ task: 'export.zip', options: { task_id: 'zip' } })
const OWNER = { creator_id: 7, related_content_type_id: 'project', related_object_id: 12 }

/** A little of everything: a family with results, a failure, retries, a task nobody runs, a message nobody can read. */
export async function recordHistory(): Promise<Place> {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  await place.publish([
    message({ id: 'root', task: 'export.project', kwargs: KWARGS, chain: [ZIP], headers: OWNER }),
    child('child-1', 'root', { is_result: true }),
    child('child-2', 'root'),
    child('grandchild', 'child-1'),
    message({ id: 'alone', args: ['project-1'] }),
    message({ id: 'alone', args: ['project-1'], retries: 2 }),
    message({ id: 'later', eta: '2099-01-01T00:00:00Z' }),
    withBody('broken', '[1, 2'),
  ])
  const nowhere = { exchange: 'task_exchange', routingKey: 'nobody' }
  await place.publish([message({ id: 'lost', task: 'nobody.home' })], nowhere)
  await recorded([monitor], 9)
  await storeResult(place.database, 'root', 'SUCCESS', { url: 'https://files.example/1' })
  await storeResult(place.database, 'child-1', 'SUCCESS', 3)
  await storeResult(place.database, 'child-2', 'FAILURE', {
    exc_type: 'ValueError',
    exc_message: ['no good'],
    exc_module: 'builtins',
  })
  await place.database.query(
    "update monitor.task set published_at = published_at - interval '1 hour' where task_id = 'lost'",
  )
  await place.database.query(HEARD)
  return place
}

/** What a worker told of itself, and of its task. */
const HEARD = `
  insert into monitor.worker (hostname, software, online_at, last_heartbeat_at) values ('celery@one', 'py-celery', now(), now());
  insert into monitor.event (day, happened_at, type, hostname, task_id, fields, digest)
  values ((now() at time zone 'UTC')::date, now(), 'task-started', 'celery@one', 'root', '{}', '\\x01')`

function child(id: string, parentId: string, headers = {}): Message {
  return message({ id, parentId, rootId: 'root', task: `export.${id}`, headers })
}

/** As Celery's own backend stores it. */
async function storeResult(
  database: Database,
  taskId: string,
  status: string,
  result: unknown,
): Promise<void> {
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, result, date_done)
     values (nextval('task_id_sequence'), $1, $2, $3, now() at time zone 'UTC' + interval '1 second')`,
    [taskId, status, writePickle(result)],
  )
}
