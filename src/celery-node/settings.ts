import { Config, type ConfigOptions } from '../config/config.ts'
import type { CallOptions } from '../protocol/tasks/call-options.ts'
import type { CeleryNodeConf } from './peer.ts'

/** A whole config is taken as it is; single settings are added to those of celery.node. */
export function configOf(conf: CeleryNodeConf, given: Config | ConfigOptions): Config {
  if (given instanceof Config) return given
  return new Config({
    ...addresses(conf, given),
    queues: [conf.CELERY_QUEUE],
    task_protocol: conf.TASK_PROTOCOL === 1 ? 1 : 2,
    ...given,
  })
}

/** Where all calls go, as celery.node sends them; nothing where the config has other queues, and the task's name decides. */
export function routeOptions(conf: CeleryNodeConf, config: Config): CallOptions {
  const { CELERY_QUEUE: queue } = conf
  if (!config.QUEUES.includes(queue)) return {}
  if (config.TOPOLOGY === 'celery') return { queue }
  const definition = config.queueDefinitions().find(({ name }) => name === queue)
  // Both, as a queue alone is overruled by the route of the task's name.
  return definition === undefined
    ? { queue }
    : { exchange: definition.exchange, routingKey: definition.routingKey }
}

/** Settings of celery.node that nothing here reads. */
export function unreadSettings(conf: CeleryNodeConf): readonly string[] {
  const options = ['CELERY_BROKER_OPTIONS', 'CELERY_BACKEND_OPTIONS'] as const
  return options.filter((name) => Object.keys(conf[name] ?? {}).length > 0)
}

function addresses(conf: CeleryNodeConf, given: ConfigOptions): ConfigOptions {
  // Amazon SQS has no url that has to be given.
  const isElsewhere = given.broker_transport !== undefined
  return {
    ...(isElsewhere ? {} : { broker_url: conf.CELERY_BROKER }),
    result_backend: backendOf(conf.CELERY_BACKEND),
  }
}

/** Celery 5 has no backend amqp://: results as messages are rpc:// today. */
function backendOf(url: string): string {
  return /^amqps?:/.test(url) ? 'rpc://' : url
}
