import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeJson } from '../../../src/codecs/json/json.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo } from '../../support/zocalo.ts'

test('of a service that is killed with an open transaction, nothing was sent and its message comes again', async () => {
  const site = await zocalo()
  for (const name of ['torn', 'out', 'begun']) await site.queue(name)
  const transport = site.open()
  await transport.send('torn', 'image 1')
  const killed = site.ours('service', '-s', 'Torn')
  // Confirmed after what the transaction sent, on the same connection: RabbitMQ has both.
  await site.messages('begun', 1)
  expect(await killed.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
  await waitFor('the message to be back', async () => (await transport.depth('torn')) === 1)
  expect(await transport.depth('out')).toBe(0)
  const living = site.ours('service', '-s', 'Torn')
  await site.messages('begun', 1)
  const [sent] = await site.messages('out', 1)
  expect(JSON.parse(sent?.body.toString() ?? '{}')).toEqual({
    message: 'image 1',
    redelivered: true,
  })
  expect(await living.stop()).toEqual({ code: 0, signal: null })
  for (const name of ['torn', 'out', 'dlq.torn']) expect(await transport.depth(name)).toBe(0)
}, 120_000)

test('wrap logs the stack of a job that fails, reports the failure, and ends with 1', async () => {
  const site = await zocalo()
  const file = await recipeMessage(site)
  const statuses = await statusesOf(site)
  const run = site.ours('wrap', '--wrap', 'throws', '--recipewrapper', file)
  expect(await run.exited).toEqual({ code: 1, signal: null })
  expect(run.stderr).toMatch(/ERROR zocalo\.wrap: .*\n[\s\S]*TypeError: .*undefined.*\n/)
  expect(run.stderr).toMatch(/ at Throws\.run \(.*crashing\.mjs:7:/)
  const [failure] = await site.messages('failed', 1)
  expect(JSON.parse(failure?.body.toString() ?? '{}').payload).toMatch(/undefined/)
  await waitFor('the status of the failure', () =>
    statuses.some(({ task, status }) => task === 'throws' && status === 7),
  )
}, 120_000)

test('wrap logs the stack of an error of its job that nothing caught, and ends with 1', async () => {
  const site = await zocalo()
  const run = site.ours('wrap', '--wrap', 'escapes', '--recipewrapper', await recipeMessage(site))
  expect(await run.exited).toEqual({ code: 1, signal: null })
  expect(run.stderr).toMatch(/ERROR zocalo: .*not caught[\s\S]*Error: the image is torn\n/)
  expect(run.stderr).toMatch(/ at (?:Immediate\.)?readImage .*crashing\.mjs:15:/)
}, 120_000)

/** The file of a message to a step whose failures go to the queue `failed`. */
async function recipeMessage(site: Zocalo): Promise<string> {
  await site.queue('failed')
  const recipe = {
    start: [[1, []]],
    '1': { queue: 'jobs', output: { failure: 2 } },
    '2': { queue: 'failed' },
  }
  const file = join(site.folder, '.recipewrap')
  const message = { recipe, payload: null, 'recipe-pointer': 1, environment: { ID: 'run' } }
  writeFileSync(file, JSON.stringify(message))
  return file
}

async function statusesOf(site: Zocalo): Promise<Record<string, unknown>[]> {
  const statuses: Record<string, unknown>[] = []
  await site.open().subscribeBroadcast('transient.status', (_header, status) => {
    statuses.push(JSON.parse(encodeJson(status)))
  })
  return statuses
}
