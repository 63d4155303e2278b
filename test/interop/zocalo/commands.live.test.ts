import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeJson } from '../../../src/codecs/json/json.ts'
import { captured } from '../../support/captured.ts'
import { sorted } from '../../support/sorted.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo } from '../../support/zocalo.ts'

interface Published {
  readonly routing_key: string
  readonly headers: Readonly<Record<string, { readonly value: unknown }>>
  readonly body: string
}

interface Case {
  readonly command: readonly string[]
  readonly exit_code: number
  readonly stdout: string
  readonly published: readonly Published[]
}

test('go prints and publishes what zocalo.go does, for every recorded command line', async () => {
  const site = await zocalo()
  const { cases } = captured<{ cases: readonly Case[] }>('go_requests')
  const custom = cases.find(({ command }) => command.includes('custom.json'))?.published[0]?.body
  const { custom_recipe: recipe } = JSON.parse(custom ?? '{}')
  writeFileSync(join(site.folder, 'custom.json'), JSON.stringify(recipe))
  writeFileSync(join(site.folder, 'broken.json'), '{"start": [], "1": {}}')
  const sent: Published[] = []
  const runs = cases.map(async ({ command, exit_code: code, stdout }) => {
    const run = site.ours(
      'go',
      ...command
        .slice(1)
        .map((word) => word.replace(/^(\w+)\.json$/, join(site.folder, '$1.json'))),
    )
    expect({ command, code: (await run.exited).code }).toEqual({ command, code })
    expect(run.stdout.replaceAll(`${site.folder}/`, '')).toBe(stdout)
  })
  await Promise.all(runs)
  sent.push(...cases.flatMap(({ published }) => published))
  const messages = await site.messages('processing_recipe', sent.length)
  expect(sorted(messages.map(({ body }) => body.toString()))).toEqual(
    sorted(sent.map(({ body }) => body)),
  )
  for (const { headers } of messages) {
    expect(headers).toEqual({
      'zocalo.go.user': userInfo().username,
      'zocalo.go.host': hostname(),
      'x-delivery-count': 0,
    })
  }
}, 120_000)

test('dead letters become files and go back, as with zocalo.dlq_purge and dlq_reinject', async () => {
  const site = await zocalo()
  const queue = await site.queue('cap.poison')
  const transport = site.open()
  const poison = async (send: () => Promise<void>): Promise<void> => {
    await send()
    await transport
      .subscribe(queue, (header) => transport.nack(header, { requeue: false }), {
        acknowledgement: true,
      })
      .then(async (id) => {
        await waitFor(
          'the dead letter',
          async () => ((await transport.depth(`dlq.${queue}`)) ?? 0) > 0,
        )
        await transport.unsubscribe(id)
      })
  }
  await poison(() =>
    transport.send(queue, { plain: 'poison' }, { headers: { 'zocalo.go.user': 'alice' } }),
  )
  const purged = site.ours('dlq-purge', '--location', join(site.folder, 'DLQ'), queue)
  expect(await purged.exited).toMatchObject({ code: 0 })
  const [, file = ''] = /exported:\n {8}(.*)\n/.exec(purged.stdout) ?? []
  expect(purged.stdout).toMatch(
    /^Looking for DLQ messages in 1 queues...\nFound 1 DLQ messages in dlq.cap.poison\n/,
  )
  expect(file).toMatch(/DLQ\/\d{4}-\d\d-\d\d\/msg-\d{8}-\d{6}-000-1$/)
  const letter = JSON.parse(readFileSync(file, 'utf8'))
  expect(letter).toMatchObject({
    header: { 'zocalo.go.user': 'alice', 'x-death': [{ queue, reason: 'rejected' }] },
    message: { plain: 'poison' },
  })
  expect(readFileSync(file, 'utf8')).toMatch(/"time": \d+\.0\n/)
  const again = site.ours('dlq-reinject', '-r', file)
  expect(await again.exited).toMatchObject({ code: 0 })
  expect(existsSync(file)).toBe(false)
  const [message] = await site.messages(queue, 1)
  expect(message?.headers).toMatchObject({
    'dlq-reinjected': 'True',
    'zocalo.go.user': 'alice',
    'x-death': expect.stringMatching(
      /^\[\{'count': 1, 'exchange': '', 'queue': 'cap.poison', .*'time': \d+\.0\}\]$/,
    ),
  })
  await garbage(site)
}, 120_000)

/** Letters without history and bodies that are no JSON are kept; files of garbage are named, the rest goes on. */
async function garbage(site: Zocalo): Promise<void> {
  const transport = site.open()
  await transport.rawSend('dlq.cap.poison', Buffer.from([0xff, 0x00, 0x01]))
  await transport.rawSend('dlq.cap.poison', 'no json')
  const location = join(site.folder, 'DLQ2')
  const purged = site.ours('dlq-purge', '--output-directory', location, 'gone', 'dlq.cap.poison')
  expect(await purged.exited).toMatchObject({ code: 1 })
  expect(purged.stderr).toMatch(/^cannot subscribe to queue "dlq.gone": NOT_FOUND/)
  const [day = ''] = readdirSync(location)
  const files = readdirSync(join(location, day)).map((name) => join(location, day, name))
  expect(files).toHaveLength(2)
  const junk = join(site.folder, 'junk')
  writeFileSync(junk, '{"header": ')
  const lost = join(site.folder, 'lost')
  const death = { queue: 'no.such.queue', reason: 'rejected' }
  writeFileSync(lost, JSON.stringify({ header: { 'x-death': [death] }, message: 'x' }))
  const odd = site.ours('dlq-reinject', site.folder, lost, ...files)
  expect(await odd.exited).toMatchObject({ code: 1 })
  expect(odd.stderr.split('\n').filter((line) => line !== '')).toEqual([
    expect.stringMatching(`^${site.folder}: EISDIR`),
    expect.stringMatching(`^${lost}: no queue took`),
    ...files.map((file) => expect.stringMatching(`^${file}: the letter does not say which queue`)),
  ])
  const back = site.ours('dlq-reinject', '-d', 'cap.poison', junk, ...files, 'missing')
  expect(await back.exited).toMatchObject({ code: 1 })
  const bodies = (await site.messages('cap.poison', 2)).map(({ body }) => body.toString('latin1'))
  expect(sorted(bodies)).toEqual(['no json', '\xff\x00\x01'])
}

test('pickup sends the requests that go stored, and leaves and names files that are none', async () => {
  const site = await zocalo()
  const drop = join(site.folder, 'drop')
  const stored = site.ours('go', '-r', 'r0', '-s', 'n=0', '-n', '--rabbit-port', '1')
  expect(await stored.exited).toMatchObject({ code: 0 })
  writeFileSync(join(drop, 'bad'), '{oops')
  writeFileSync(join(drop, 'huge'), '')
  truncateSync(join(drop, 'huge'), 2 ** 30)
  const run = site.ours('pickup', '-w', '0', '-d', '0')
  expect(await run.exited).toMatchObject({ code: 1 })
  expect(run.stdout).toMatch(
    /^Found 3 files\nConnecting to PikaTransport...\nSending .* from host .* with recipes r0\nDone \(1 of 1\)\n$/,
  )
  expect(readdirSync(drop).sort()).toEqual(['bad', 'huge'])
  expect(run.output).toContain('huge is skipped: it has 1073741824 bytes')
  const [message] = await site.messages('processing_recipe', 1)
  expect(message?.body.toString()).toBe('{"recipes": ["r0"], "parameters": {"n": "0"}}')
}, 120_000)

test('pickup goes on when another pickup has sent one of its files meanwhile', async () => {
  const site = await zocalo()
  const drop = join(site.folder, 'drop')
  mkdirSync(drop, { recursive: true })
  const names = ['a', 'b', 'c']
  for (const [at, name] of names.entries()) {
    const file = join(drop, name)
    writeFileSync(file, JSON.stringify({ headers: {}, message: { recipes: [name] } }))
    utimesSync(file, at + 1, at + 1)
  }
  const run = site.ours('pickup', '-w', '0', '-d', '1')
  await waitFor('the first file to be sent', () => run.stdout.includes('Done (1 of 3)'))
  rmSync(join(drop, 'b'))
  expect(await run.exited).toMatchObject({ code: 1 })
  expect(run.output).toMatch(/\/b is skipped: ENOENT/)
  expect(run.stdout).toContain('Done (3 of 3)')
  expect(readdirSync(drop)).toEqual([])
}, 120_000)

/** A gigabyte is written for it: `npm run test:zocalo` does so. */
if (process.env.ZOCALO_WHOLE === '1') {
  test('pickup sends a folder of a gigabyte with little memory', async () => {
    const site = await zocalo()
    const request = {
      headers: {},
      message: { recipes: [], parameters: { text: 'x'.repeat(2 ** 22) } },
    }
    for (let n = 0; n < 256; n += 1) {
      writeFileSync(join(site.folder, 'drop', `d${n}`), JSON.stringify(request))
    }
    const flags = process.env.NODE_OPTIONS
    process.env.NODE_OPTIONS = '--max-old-space-size=128'
    const run = site.ours('pickup', '-w', '0', '-d', '0', '-t', 'OfflineTransport')
    if (flags === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = flags
    expect(await run.exited).toMatchObject({ code: 0 })
    expect(run.stdout).toContain('Done (256 of 256)')
    expect(readdirSync(join(site.folder, 'drop'))).toEqual([])
  }, 300_000)
}

test('queue-drain moves messages as zocalo.queue_drain does', async () => {
  const site = await zocalo()
  const { runs } = captured<{
    runs: readonly { run: { stdout: string }; published: readonly Published[] }[]
  }>('queue_drain')
  for (const name of ['cap.drain.source', 'cap.drain.target']) await site.queue(name, 'classic')
  const transport = site.open()
  for (const { body, headers } of runs[0]?.published ?? []) {
    const kept = Object.entries(headers).filter(([name]) =>
      ['workflows-recipe', 'custom'].includes(name),
    )
    const plain = Object.fromEntries(kept.map(([name, { value }]) => [name, value]))
    await transport.rawSend('cap.drain.source', body, { headers: plain })
  }
  const run = site.ours(
    'queue-drain',
    'cap.drain.source',
    'cap.drain.target',
    '--wait',
    '0.2',
    '--stop',
    '1',
  )
  expect(await run.exited).toMatchObject({ code: 0 })
  expect(run.stdout.replaceAll(/\d+\.\d seconds/g, '<T> seconds')).toBe(runs[0]?.run.stdout)
  const moved = await site.messages('cap.drain.target', 2)
  expect(moved.map(({ body }) => body.toString())).toEqual(
    runs[0]?.published.map(({ body }) => body),
  )
  expect(moved[0]?.headers).toEqual({ 'workflows-recipe': true, custom: 'kept' })
}, 120_000)

test('wrap runs a command of its step, and reports what zocalo.wrap reports', async () => {
  const site = await zocalo()
  const { runs } = captured<{
    runs: readonly {
      recipewrapper_file: Record<string, unknown>
      published: readonly Published[]
    }[]
  }>('wrapper')
  const message = structuredClone(runs[0]?.recipewrapper_file ?? {})
  const recipe = message.recipe as Record<string, Record<string, unknown>>
  ;(recipe['1'] ?? {}).job_parameters = { command: 'echo "hello there"', workingdir: site.folder }
  for (const name of ['starting', 'updates', 'success', 'failure', 'completed'])
    await site.queue(`cap.${name}`, 'classic')
  await site.queue('cap.classic', 'classic')
  const file = join(site.folder, '.recipewrap')
  writeFileSync(file, encodeJson(message))
  const statuses: unknown[] = []
  await site
    .open()
    .subscribeBroadcast('transient.status', (_header, status) => void statuses.push(status))
  const run = site.ours('wrap', '--wrap', 'command', '--recipewrapper', file)
  expect(await run.exited).toMatchObject({ code: 0 })
  expect(run.output).toContain('hello there')
  const payloads = []
  for (const name of ['starting', 'success', 'completed']) {
    const [sent] = await site.messages(`cap.${name}`, 1)
    payloads.push(JSON.parse(sent?.body.toString() ?? '{}').payload)
  }
  expect(payloads).toEqual(['Starting processing', 'Finished processing', 'Finished processing'])
  expect(statuses).toContainEqual(
    expect.objectContaining({ task: 'command (dataset 5)', status: 4 }),
  )
  expect((await site.ours('wrap', '--wrap', 'nothing').exited).code).toBe(2)
  expect((await site.ours('wrap').exited).code).toBe(1)
  ;(recipe['1'] ?? {}).job_parameters = { command: 'false' }
  writeFileSync(file, encodeJson(message))
  expect((await site.ours('wrap', '--wrap', 'command', '--recipewrapper', file).exited).code).toBe(
    1,
  )
  expect(
    JSON.parse((await site.messages('cap.failure', 1))[0]?.body.toString() ?? '{}').payload,
  ).toBe('Processing failed')
  const zero = site.ours('wrap', '--wrap', 'command', '--recipewrapper', file, '--exit-zero')
  expect((await zero.exited).code).toBe(0)
  ;(recipe['1'] ?? {}).job_parameters = { command: ['sh', '-c', 'echo pid $$; exec sleep 600'] }
  writeFileSync(file, encodeJson(message))
  const cancelled = site.ours('wrap', '--wrap', 'command', '--recipewrapper', file)
  const [, pid] = await cancelled.waitForLine(/line=pid (\d+)/)
  await cancelled.stop('SIGTERM')
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
}, 120_000)

test('a message that kills its service is a dead letter after the set number, and the service lives on', async () => {
  const site = await zocalo()
  for (const name of ['fragile', 'out']) await site.queue(name)
  const transport = site.open()
  const recipe = { start: [[1, []]], '1': { queue: 'fragile', output: 2 }, '2': { queue: 'out' } }
  const send = (payload: string) =>
    transport.send(
      'fragile',
      { recipe, payload, 'recipe-pointer': 1, environment: { ID: 'x' } },
      { headers: { 'workflows-recipe': true } },
    )
  await send('kill')
  for (let deaths = 0; deaths < 3; deaths += 1) {
    expect((await site.ours('service', '-s', 'Fragile').exited).signal).toBe('SIGKILL')
  }
  const living = site.ours('service', '-s', 'fragile')
  await send('fail')
  await send('fine')
  const [fine] = await site.messages('out', 1)
  expect(JSON.parse(fine?.body.toString() ?? '{}').payload).toBe('fine')
  const dead = await site.messages('dlq.fragile', 2)
  expect(dead.map(({ body }) => JSON.parse(body.toString()).payload)).toEqual(['kill', 'fail'])
  expect(dead[0]?.headers['x-death']).toMatchObject([
    { queue: 'fragile', reason: 'delivery_limit' },
  ])
  expect(await living.stop()).toEqual({ code: 0, signal: null })
}, 120_000)

test('service goes on with a word too many, as zocalo.service does, and says so', async () => {
  const site = await zocalo()
  const run = site.ours('service', '-s', 'NoSuchService', 'extra')
  expect(await run.exited).toMatchObject({ code: 1 })
  expect(run.stderr).toContain('warning: without effect: extra')
  const unnamed = site.ours('service', 'NoSuchService')
  expect(await unnamed.exited).toMatchObject({ code: 2 })
})
