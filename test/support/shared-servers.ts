import type { Servers } from './live-app.ts'
import { deleteVhost, makeVhost } from './rabbitmq.ts'
import { service } from './services.ts'
import { createTestDatabase, dropTestDatabase } from './test-databases.ts'

export interface SharedServers extends Servers {
  remove(): Promise<void>
}

/** A virtual host and a database that several tests share; for whoever made them to remove. */
export async function sharedServers(
  queues: readonly string[] = ['export', 'python'],
): Promise<SharedServers> {
  const [vhost, database] = await Promise.all([makeVhost(), createTestDatabase()])
  const url = new URL(service('DATABASE_URL'))
  url.pathname = `/${database}`
  const env = {
    AMQP_URL: vhost.url,
    DATABASE_URL: url.href,
    QUEUES: queues.join(','),
    CELERY_BROKER_URL: vhost.url,
    CELERY_RESULT_BACKEND: url.href.replace(/^postgres(?:ql)?:/, 'db+postgresql+psycopg2:'),
    CELERY_QUEUES: JSON.stringify(queues),
  }
  const remove = async (): Promise<void> => {
    await Promise.all([deleteVhost(vhost), dropTestDatabase(database)])
  }
  return { vhost, databaseUrl: url.href, queues, env, remove }
}
