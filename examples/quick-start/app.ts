// The app of the README: two tasks. Run a worker of it, and a monitor that records what happens:
//
//     npx celery-toolbox worker -A examples/quick-start/app.ts
//     npx celery-toolbox monitor -A examples/quick-start/app.ts --migrate
//
// AMQP_URL and RESULT_BACKEND say where RabbitMQ and PostgreSQL are. In a clone, `npm run build` comes first.
import { Config, createApp } from 'celery-toolbox'

const config = new Config({
  queues: ['export'],
  broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
  result_backend: process.env.RESULT_BACKEND ?? 'db+postgresql://worker:cadasta@localhost/cadasta',
})
export const app = createApp(config)

export const add = app.task('export.add', async (x: number, y: number) => x + y)

export const report = app.task(
  'export.report',
  { bind: true, acksLate: true, maxRetries: 5, params: ['slug', 'options'] },
  async (self, slug: string, options: { format: string }) => {
    await self.updateState('PROGRESS', { done: 3 })
    if (slug === '') throw self.retry({ countdown: 10 })
    return `${slug}.${options.format}`
  },
)
