import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Check } from '../../../src/cli/doctor/check.ts'
import { examineZocalo } from '../../../src/cli/doctor/examine-zocalo.ts'
import { zocalo } from '../../support/zocalo.ts'

test('doctor says what a Zocalo lacks on its broker, and of its recipes', async () => {
  const site = await zocalo({ good: { start: [[1, []]], '1': { queue: 'q' } } })
  writeFileSync(join(site.folder, 'recipes/bad.json'), '{}')
  await site.queue('classic.one', 'classic')
  vi.stubEnv('ZOCALO_CONFIG', join(site.folder, 'site.yml'))
  onTestFinished(() => void vi.unstubAllEnvs())
  const checks: Check[] = []
  for await (const check of examineZocalo([])) checks.push(check)
  const of = (state: Check['state']) =>
    checks.filter((check) => check.state === state).map(({ name, found }) => `${name}: ${found}`)
  expect(of('failed')).toEqual([
    'recipe bad.json: it is not valid',
    'exchange delayed: its type is direct',
    expect.stringMatching(/^queue classic\.one: it has no delivery limit/),
  ])
  expect(of('ok')).toEqual([
    'site: environments default',
    expect.stringMatching(/^recipes: 1 valid in /),
    expect.stringMatching(/^RabbitMQ: .*, virtual host /),
    'exchange command: fanout',
    'exchange transient.status: fanout',
    'queues: 3 with dead-letter queue and delivery limit',
  ])
  expect(of('noted')).toEqual(['queue jsonlines: it may have several consumers'])
})
