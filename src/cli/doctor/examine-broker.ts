import { withDeadline } from '../../async/with-deadline.ts'
import type { Broker } from '../../brokers/broker.ts'
import { openBroker } from '../../brokers/open-broker.ts'
import { countText } from '../../count-text.ts'
import type { CeleryApp } from '../../create-app.ts'
import { silentLogger } from '../../logger.ts'
import type { Queue, Topology } from '../../protocol/routing/topology.ts'
import { brokerOptions } from '../../tasks/app/broker-options.ts'
import { codeOf } from '../failure.ts'
import { depthOf } from '../queue-states.ts'
import { ANSWER_WITHIN_MS, brokerAdvice } from './advice.ts'
import { type Check, failed, noted, ok } from './check.ts'
import { examineCelery } from './examine-celery.ts'

const NOTHING: Topology = { exchanges: [], queues: [], bindings: [] }

/** Declares one thing after another, as a worker's start would, so that each has an answer of its own. */
export async function* examineBroker(app: CeleryApp): AsyncGenerator<Check> {
  const { config } = app
  const topology = config.topology()
  const reached = await reachedCheck(app)
  yield reached
  if (reached.state === 'failed') return
  const broker = app.broker()
  for (const exchange of topology.exchanges) {
    const part = { ...NOTHING, exchanges: [exchange] }
    yield await declaredCheck(broker, `exchange ${exchange.name}`, { part, found: exchange.type })
  }
  for (const queue of topology.queues) yield await queueCheck(broker, queue)
  for (const binding of topology.bindings) {
    const name = `binding ${binding.exchange} → ${binding.queue}`
    const part = { ...NOTHING, bindings: [binding] }
    yield await declaredCheck(broker, name, { part, found: `key ${binding.routingKey}` })
  }
  for (const binding of topology.exchangeBindings ?? []) {
    const name = `binding ${binding.source} → ${binding.destination}`
    const part = { ...NOTHING, exchangeBindings: [binding] }
    yield await declaredCheck(broker, name, { part, found: `key ${binding.routingKey}` })
  }
  yield await mirrorCheck(broker, config.platformQueue)
  if (config.TOPOLOGY === 'celery') yield* examineCelery(app)
}

/** Asking for a queue connects; whether the queue is there does not matter. */
async function reachedCheck(app: CeleryApp): Promise<Check> {
  const { config } = app
  try {
    const options = brokerOptions(config, silentLogger)
    const { connectTimeoutMs = ANSWER_WITHIN_MS } = options
    await using broker = openBroker({
      ...options,
      connectTimeoutMs: Math.min(connectTimeoutMs, ANSWER_WITHIN_MS),
    })
    await withDeadline(
      depthOf(broker, config.platformQueue),
      ANSWER_WITHIN_MS + 500,
      () => new Error(`${broker.safeUrl} did not answer within ${ANSWER_WITHIN_MS} ms`),
    )
    return broker.features.outlivesProcess
      ? ok('broker', broker.safeUrl)
      : noted('broker', `${broker.safeUrl}: inside one process only, nothing outlives it`)
  } catch (error) {
    return failed('broker', error, brokerAdvice(error, config.brokerWriteUrls[0]))
  }
}

async function queueCheck(broker: Broker, queue: Queue): Promise<Check> {
  const before = await depthOf(broker, queue.name).catch(() => undefined)
  const found =
    before === undefined
      ? 'was missing, is declared now'
      : `${before.messages} waiting${before.consumers === null ? '' : `, ${before.consumers} consumers`}`
  const part = { ...NOTHING, queues: [queue] }
  if (before !== undefined && before.messages > 0 && before.consumers === 0) {
    const waiting = `${before.messages} waiting and no consumer: start a worker or monitor for it, or see why /readyz of one says 503`
    return noted(`queue ${queue.name}`, waiting)
  }
  return await declaredCheck(broker, `queue ${queue.name}`, { part, found })
}

async function declaredCheck(
  broker: Broker,
  name: string,
  { part, found }: { readonly part: Topology; readonly found: string },
): Promise<Check> {
  try {
    await broker.declare(part)
    return ok(name, found)
  } catch (error) {
    return failed(name, error, adviceFor(error))
  }
}

function adviceFor(error: unknown): string {
  const text = error instanceof Error ? error.message : ''
  if (/ACCESS[_-]REFUSED|access .*refused/i.test(text)) {
    return 'let this user configure, write and read here: rabbitmqctl set_permissions -p VHOST USER ".*" ".*" ".*"'
  }
  if (codeOf(error) === 'DECLARE_REFUSED') {
    return 'make the settings the same as what is there, or delete it on the broker so that it is declared anew'
  }
  return 'see what the broker says of it in its log'
}

async function mirrorCheck(broker: Broker, queue: string): Promise<Check> {
  const name = 'monitor'
  const depth = await depthOf(broker, queue).catch(() => undefined)
  if (depth === undefined)
    return noted(name, `${queue} is not there: the first call or monitor declares it`)
  if (depth.consumers === null) {
    return noted(name, `${queue}: ${depth.messages} waiting, and this broker counts no consumers`)
  }
  if (depth.consumers > 0) {
    return ok(name, `${depth.consumers} reading ${queue}, ${depth.messages} waiting`)
  }
  return noted(
    name,
    `no monitor reads ${queue}, where ${countText(depth.messages, 'message waits', 'messages wait')}`,
    'start one: celery-toolbox monitor --migrate; or set MIRROR to False, so that no copies are made',
  )
}
