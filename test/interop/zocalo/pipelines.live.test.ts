import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeJson } from '../../../src/codecs/json/json.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo } from '../../support/zocalo.ts'

const exact = '{"whole": 1.0, "huge": 9223372036854775808, "text": "\\u00fc"}'

const recipe = (file: string) => ({
  start: [[1, {}]],
  '1': { queue: 'node.one', output: 2 },
  '2': { queue: 'py.two', output: 3 },
  '3': { queue: 'node.three', output: 4 },
  '4': { queue: 'py.four', output: 5 },
  '5': { queue: 'node.five', output: 6 },
  '6': { queue: 'jsonlines', parameters: { output_filename: file } },
})

/** Each starts four programs and takes half a minute; `npm run test:zocalo` has the rest. */
const isWhole = process.env.ZOCALO_WHOLE === '1'

const DIRECTIONS = [
  ['Python', 'theirs', 'ours'],
  ['Node', 'ours', 'theirs'],
] as const

test.each(isWhole ? DIRECTIONS : DIRECTIONS.slice(0, 1))(
  'a pipeline from the Dispatcher of %s through services of both languages keeps every number',
  async (_language, dispatching, writing) => {
    const site = await zocalo()
    const file = join(site.folder, 'lines.jsonl')
    const nodes = JSON.stringify(recipe(file)).replace('[[1,{}]]', `[[1, ${exact}]]`)
    mkdirSync(join(site.folder, 'recipes'), { recursive: true })
    writeFileSync(join(site.folder, 'recipes/alternating.json'), nodes)
    for (const name of ['node.one', 'py.two', 'node.three', 'py.four', 'node.five'])
      await site.queue(name)
    site[dispatching]('service', '-s', 'Dispatcher')
    site[writing]('service', '-s', 'JSONLines')
    site.ours('service', '-s', 'NodePassOn')
    site.theirs('service', '-s', 'PassOn')
    const asked = site[writing]('go', '-r', 'alternating', '1234')
    expect(await asked.exited).toMatchObject({ code: 0 })
    await waitFor('the line', () => existsSync(file) && readFileSync(file, 'utf8').includes('\n'), {
      deadlineMs: 40_000,
    })
    expect(readFileSync(file, 'utf8')).toBe(`${exact}\n`)
  },
)

if (isWhole)
  test('status is reported, and a shutdown obeyed, across languages', statusAndShutdown, 120_000)

async function statusAndShutdown(): Promise<void> {
  const site = await zocalo()
  const statuses = await statusesOf(site)
  const ours = site.ours('service', '-s', 'Dispatcher', '--tag', 'blue')
  const theirs = site.theirs('service', '-s', 'JSONLines')
  await waitFor(
    'both to be idle',
    () => {
      const idle = statuses
        .filter(({ status }) => status === 2)
        .map(({ serviceclass }) => serviceclass)
      return idle.includes('Dispatcher') && idle.includes('JSONLines')
    },
    { deadlineMs: 40_000 },
  )
  const told = statuses.filter(({ host }) => String(host).endsWith(`.${ours.pid}`))
  expect(told[0]).toEqual({
    host: expect.stringMatching(/\.\d+$/),
    status: 0,
    statustext: 'constructing',
    service: null,
    serviceclass: null,
    utilization: { '0': 1 },
    workflows: '3.5',
  })
  expect(told[1]).toMatchObject({
    status: 1,
    zocalo: '1.6.0',
    tag: 'blue',
    serviceclass: 'Dispatcher',
  })
  expect(await site.theirs('shutdown', '-s', 'Dispatcher').exited).toMatchObject({ code: 0 })
  expect(await site.ours('shutdown', '-s', 'JSONLines').exited).toMatchObject({ code: 0 })
  expect(await ours.exited).toMatchObject({ code: 0 })
  expect(await theirs.exited).toMatchObject({ code: 0 })
  const last = statuses.filter(({ host }) => String(host).endsWith(`.${ours.pid}`)).at(-1)
  expect(last).toMatchObject({
    status: -2,
    statustext: 'shutdown',
    service: null,
    serviceclass: null,
  })
}

async function statusesOf(site: Zocalo): Promise<Record<string, unknown>[]> {
  const statuses: Record<string, unknown>[] = []
  await site.open().subscribeBroadcast('transient.status', (_header, message) => {
    statuses.push(JSON.parse(encodeJson(message)))
  })
  return statuses
}
