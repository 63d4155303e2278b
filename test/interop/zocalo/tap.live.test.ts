import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RecipeWrapper, SiteConfig, wrapSubscribe } from '../../../src/recipes/index.ts'
import { Tap } from '../../../src/services/tap.ts'
import type { App } from '../../../src/tasks/app/app.ts'
import { waitFor } from '../../support/wait-for.ts'
import { zocalo } from '../../support/zocalo.ts'

test("the tap hears the steps of services that tell nothing, over RabbitMQ's firehose", async () => {
  const site = await zocalo()
  const file = JSON.parse(readFileSync(join(site.folder, 'site.yml'), 'utf8'))
  file.storage['zocalo.tap.queues'] = ['one', 'two']
  const config = SiteConfig.fromString(JSON.stringify(file))
  await config.activate(['default'])
  for (const name of ['one', 'two']) await site.queue(name, 'classic')
  const told: string[] = []
  const app = {
    events: {
      deliver: async (events: readonly { type: string; fields: { name: string } }[]) => {
        told.push(...events.map(({ type, fields }) => `${type} ${fields.name}`))
      },
    },
  } as unknown as App // all that the tap needs of one
  const tap = new Tap({ transport: site.open(), config, environment: { app } })
  await tap.start()
  onTestFinished(() => tap.stop())
  const transport = site.open()
  for (const queue of ['one', 'two']) {
    await wrapSubscribe(
      transport,
      queue,
      async (wrapper, header) => {
        await wrapper?.send('on')
        await transport.ack(header)
      },
      { acknowledgement: true },
    )
  }
  const recipe = { start: [[1, {}]], '1': { queue: 'one', output: 2 }, '2': { queue: 'two' } }
  await new RecipeWrapper({ recipe, environment: { ID: 'run-1' }, transport }).start()
  await waitFor('both steps', () => told.filter((one) => one.includes('started')).length === 2)
  expect([...told].sort()).toEqual([
    'recipe-dispatched recipe',
    'recipe-step-sent one',
    'recipe-step-sent two',
    'recipe-step-started one',
    'recipe-step-started two',
    'recipe-step-succeeded one',
  ])
})
