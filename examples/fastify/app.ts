// The tasks, for the web server beside this file and for workers of their own: celery-toolbox worker -A examples/fastify/app.ts
import { Config, createApp } from 'celery-toolbox'

const config = new Config({
  queues: ['sums'],
  broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
  result_backend: process.env.RESULT_BACKEND ?? 'rpc://',
})
export const app = createApp(config)

export const add = app.task('sums.add', async (x: number, y: number) => x + y)
