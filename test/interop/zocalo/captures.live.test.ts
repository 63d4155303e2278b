import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { hostId } from '../../../src/recipes/service/host-id.ts'
import { captured } from '../../support/captured.ts'
import { zocalo } from '../../support/zocalo.ts'

interface Run {
  readonly command: readonly string[]
  readonly exit_code: number
  readonly stdout: string
  readonly stderr?: string
}

interface Header {
  readonly value: unknown
}

interface Published {
  readonly routing_key: string
  readonly headers: Readonly<Record<string, Header>>
  readonly body: string
}

type Recorded = Run & { readonly published: readonly Published[] }

/** RabbitMQ's management API counts late: `npm run test:zocalo` waits for it. */
const inWhole = process.env.ZOCALO_WHOLE === '1' ? test : () => undefined

const args = ({ command }: Run): readonly string[] => command.slice(1)

test('shutdown says and broadcasts what zocalo.shutdown does, for every recorded command line', async () => {
  const { cases, host_name_of_sender: sender } = captured<{
    cases: readonly Recorded[]
    host_name_of_sender: string
  }>('shutdown_command')
  const site = await zocalo()
  const heard: string[] = []
  await site
    .open()
    .subscribeBroadcast(
      'command',
      (_header, body) => void heard.push(Buffer.from(body as Uint8Array).toString()),
      { disableMangling: true },
    )
  // Theirs was another host: of a name with one dot, the domain is that of the own host.
  const domain = sender.split('.').slice(1).reverse().join('.')
  const ownDomain = hostId().split('.').slice(0, -2).join('.')
  const here = (text: string): string =>
    text.replaceAll(`${domain}.ws042`, ownDomain === '' ? 'ws042' : `${ownDomain}.ws042`)
  for (const run of cases) {
    const ours = site.ours('shutdown', ...args(run))
    expect({ ...run, code: (await ours.exited).code }).toMatchObject({ code: run.exit_code })
    expect(ours.stdout).toBe(here(run.stdout))
  }
  const expected = cases.flatMap(({ published }) => published.map(({ body }) => here(body)))
  expect(heard.slice(0, expected.length)).toEqual(expected)
}, 120_000)

test('reinjected files have the headers, bodies and words that zocalo.dlq_reinject gives them', async () => {
  const { dlq_purge: purge } = captured<{
    dlq_purge: { files: readonly { path: string; text: string }[] }
  }>('dlq_purge')
  const { runs } = captured<{ runs: readonly Recorded[] }>('dlq_reinject')
  const site = await zocalo()
  for (const name of ['cap.poison', 'cap.classic']) await site.queue(name, 'classic')
  for (const { path, text } of purge.files) {
    mkdirSync(join(site.folder, dirname(path)), { recursive: true })
    writeFileSync(join(site.folder, path), text)
  }
  for (const run of runs.filter(({ command }) => command.some((word) => word.startsWith('DLQ/')))) {
    const words = args(run).map((word) =>
      word.startsWith('DLQ/') ? join(site.folder, word) : word,
    )
    const ours = site.ours('dlq-reinject', ...words)
    expect((await ours.exited).code).toBe(run.exit_code)
    expect(ours.stdout.replaceAll(`${site.folder}/`, '')).toBe(run.stdout)
    for (const { routing_key: queue, headers, body } of run.published) {
      const [message] = await site.messages(queue, 1)
      expect(message?.body.toString()).toBe(body)
      expect(message?.headers).toEqual(
        Object.fromEntries(Object.entries(headers).map(([name, { value }]) => [name, value])),
      )
    }
  }
}, 120_000)

inWhole(
  'dead letters are counted in the words and with the exit codes of zocalo.dlq_check',
  async () => {
    const { dlq_check: runs } = captured<{ dlq_check: readonly Run[] }>('dlq_purge')
    const site = await zocalo()
    await site.queue('cap.poison', 'classic')
    const transport = site.open()
    for (const text of ['one', 'two']) await transport.send('dlq.cap.poison', text)
    const [full, elsewhere, empty] = runs
    if (full === undefined || elsewhere === undefined || empty === undefined)
      throw new Error('gone')
    await expect.poll(() => outcome(full), { timeout: 30_000, interval: 500 }).toEqual(told(full))
    expect(await outcome(elsewhere)).toEqual(told(elsewhere))
    await site.messages('dlq.cap.poison', 2)
    await expect.poll(() => outcome(empty), { timeout: 30_000, interval: 500 }).toEqual(told(empty))

    async function outcome(run: Run) {
      const ours = site.ours('dlq-check', ...args(run))
      const { code } = await ours.exited
      return { code, stdout: ours.stdout }
    }
    function told({ exit_code: code, stdout }: Run) {
      return { code, stdout }
    }
  },
  120_000,
)

test('a message that came through an exchange goes back to its queue, where zocalo.dlq_reinject loses it', async () => {
  const { purged_file: file } = captured<{ purged_file: object }>('dlq_reinject_exchange')
  const site = await zocalo()
  await site.queue('cap.poison', 'classic')
  const place = join(site.folder, 'letter')
  writeFileSync(place, JSON.stringify(file))
  expect(await site.ours('dlq-reinject', place).exited).toMatchObject({ code: 0 })
  const [message] = await site.messages('cap.poison', 1)
  expect(message?.body.toString()).toBe('{"via": "exchange"}')
  expect(message?.headers).toMatchObject({ 'dlq-reinjected': 'True', 'x-delay': '500' })
}, 120_000)
