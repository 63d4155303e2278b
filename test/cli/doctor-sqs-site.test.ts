import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { examineZocalo } from '../../src/cli/doctor/examine-zocalo.ts'
import { fauxqs } from '../brokers/sqs/fauxqs.ts'
import { freshFolder } from './fresh-folder.ts'

test('the doctor asks Amazon SQS, not RabbitMQ, where the recipes of a site go over that', async () => {
  const { port } = await fauxqs()
  const folder = freshFolder()
  const site = {
    version: 1,
    sqs: { plugin: 'sqs', url: `sqs://key:secret@127.0.0.1:${port}`, region: 'us-east-1' },
    transport: { plugin: 'transport', default: 'SqsTransport' },
    paths: { plugin: 'storage', 'zocalo.recipe_directory': folder },
    environments: { default: ['sqs', 'transport', 'paths'] },
  }
  writeFileSync(join(folder, 'site.yml'), JSON.stringify(site))
  vi.stubEnv('ZOCALO_CONFIG', join(folder, 'site.yml'))
  onTestFinished(() => void vi.unstubAllEnvs())
  const checks = []
  for await (const check of examineZocalo(['default'])) checks.push(check)
  expect(checks.map(({ name, state }) => [name, state])).toEqual([
    ['site', 'ok'],
    ['recipes', 'ok'],
    ['SqsTransport', 'ok'],
  ])
  expect(checks.at(-1)).toMatchObject({ found: 'no queue of requests yet' })
})
