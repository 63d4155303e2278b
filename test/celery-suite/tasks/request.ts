import { type CeleryApp, Reject, type TaskContext, type TaskRequest } from '../../../src/index.ts'
import { amqpProperties } from '../../../src/protocol/amqp-properties.ts'
import type { Declare } from './declare.ts'

/** Tasks that answer what they know of their own call. */
export function addRequestTasks(app: CeleryApp, declare: Declare): void {
  declare('ids', ({ request }, [i]) => [request.rootId, request.parentId, i], { params: ['i'] })
  declare('collect_ids', ({ request }, [res, i]) => [res, [request.rootId, request.parentId, i]], {
    params: ['res', 'i'],
  })
  declare('return_priority', ({ request }) => `Priority: ${request.priority ?? 'None'}`)
  declare('return_request_eta', ({ request }) => request.eta)
  declare('return_properties', ({ request }) => amqpProperties(request.properties))
  const limits = ({ timeLimit, softTimeLimit }: TaskRequest) => ({
    time_limit: timeLimit,
    soft_time_limit: softTimeLimit,
  })
  declare('return_request_time_limits', ({ request }) => limits(request))
  declare('task_with_declared_time_limits', ({ request }) => limits(request), {
    timeLimit: 60,
    softTimeLimit: 45,
  })
  declare('store_success_then_reject', async (self) => storeThenReject(app, self), {
    acksLate: true,
  })
}

/** The first delivery stores SUCCESS by itself and is rejected; the second one says that it ran. */
async function storeThenReject(app: CeleryApp, { request }: TaskContext): Promise<string> {
  if (request.deliveryInfo.redelivered) return 'dedup-pass'
  const store = await app.results()
  const [status, result] = ['SUCCESS', 'first-pass']
  await store.save({ taskId: request.id, status, result, traceback: null, dateDone: new Date() })
  throw new Reject('again', { requeue: true })
}
