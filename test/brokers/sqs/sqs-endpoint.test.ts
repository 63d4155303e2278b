import { expect, onTestFinished, test, vi } from 'vitest'
import { Config } from '../../../src/config/config.ts'
import { createApp } from '../../../src/create-app.ts'
import { fauxqs } from './fauxqs.ts'

test('AWS_ENDPOINT_URL_SQS alone leads a bare config to a server, without any credentials', async () => {
  const server = await fauxqs()
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
    vi.stubEnv(name, '')
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', `http://127.0.0.1:${server.port}`)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  onTestFinished(() => void vi.unstubAllEnvs())
  const app = createApp(new Config({ queues: ['export'], dotenv: false, environment: {} }))
  onTestFinished(() => app.close())
  const task = app.task('export.add', async () => undefined)
  await task.delay()
  expect(server.inspectQueue('dev-export')?.messages.ready).toHaveLength(1)
  expect(server.inspectQueue('dev-platform.fifo')?.messages.ready).toHaveLength(1)
  server.deleteQueue('dev-export', { region: 'us-west-2' })
  server.deleteQueue('dev-platform.fifo', { region: 'us-west-2' })
})
