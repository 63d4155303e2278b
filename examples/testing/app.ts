import { Config, createApp } from 'celery-toolbox'

export const app = createApp(
  new Config({
    queues: ['shop'],
    broker_url: 'amqp://localhost',
    result_backend: 'redis://localhost/0',
  }),
)

export const charge = app.task(
  'shop.charge',
  { bind: true, maxRetries: 3 },
  async (self, cents: number, isDown = false) => {
    if (isDown && self.request.retries === 0) throw self.retry({ countdown: 60 })
    await self.updateState('CHARGED', { cents })
    await receipt.applyAsync([cents], { countdown: 3600 })
    return cents
  },
)

export const receipt = app.task('shop.receipt', (cents: number) => `Thank you for ${cents} cents`)
