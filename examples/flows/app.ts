// The app of a flow whose steps are tasks of this file and of the Python worker (examples/python):
//
//     (cd examples/python && celery -A app worker -Q python)
//     npx celery-toolbox -A examples/flows/app.ts flow run examples/flows/weigh.yaml --values '{"path": "/in/1"}'
//
// AMQP_URL and RESULT_BACKEND say where RabbitMQ and PostgreSQL are. In a clone, `npm run build` comes first.
import { Config, createApp } from 'celery-toolbox'

export const app = createApp(
  new Config({
    queues: ['export', 'python'],
    broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
    result_backend:
      process.env.RESULT_BACKEND ?? 'db+postgresql://worker:cadasta@localhost/cadasta',
  }),
)

app.task('storage.copy', { params: ['path'] }, async (path: string) => ({
  location: `/archive${path}`,
  bytes: path.length,
}))

/** The revert of a step gets its arguments, its result and what has failed. */
app.task('storage.remove', { params: ['args'] }, async (args: { readonly path: string }) => {
  console.log(`removed the copy of ${args.path}`)
})
