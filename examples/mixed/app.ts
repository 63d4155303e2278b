// A Node worker beside the Python worker of examples/python, on the same exchange and with the same results:
//
//     npx celery-toolbox worker -A examples/mixed/app.ts -Q export
//     (cd examples/python && celery -A app worker -Q python,celery)
//
// AMQP_URL and RESULT_BACKEND say to both where RabbitMQ and PostgreSQL are. In a clone, `npm run build` comes first.
import { Config, createApp } from 'celery-toolbox'

export const app = createApp(
  new Config({
    queues: ['export', 'python'],
    broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
    result_backend:
      process.env.RESULT_BACKEND ?? 'db+postgresql+psycopg2://worker:cadasta@localhost/cadasta',
  }),
)

/** Python calls this one: python.announce in examples/python/app.py. */
export const report = app.task('export.report', async (slug: string) => `report of ${slug}`)

/** Calls a task of the Python worker. */
export const total = app.task('export.total', async (x: number, y: number) => {
  const sum = await app.sendTask<number>('python.add', [x, y])
  return sum.id
})
