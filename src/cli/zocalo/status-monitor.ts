import type { Command } from 'commander'
import { sleep } from '../../async/sleep.ts'
import { encodeJson } from '../../codecs/json/json.ts'
import { type Dict, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { Float } from '../../codecs/values.ts'
import { isColoured, print, printTable } from '../output/output.ts'
import { seconds } from './collected.ts'
import { withRefusals } from './refusals.ts'
import { addSiteOptions, openSite, type SiteOptions } from './site.ts'

interface MonitorOptions extends SiteOptions {
  readonly json?: boolean
  readonly for?: number
}

interface Card {
  readonly status: Dict
  readonly seenAt: number
}

/** Milliseconds of silence after which a service is shown in red, and forgotten. */
const LATE_MS = 10_000
const GONE_MS = 90_000
const REFRESH_MS = 1000
const TEARDOWN = -2

const EXAMPLES = `
On a terminal the table is shown anew each second, until Ctrl-C.

Examples:
  celery-toolbox status-monitor
  celery-toolbox status-monitor --for 8             (one table of what was heard meanwhile)
  celery-toolbox status-monitor --json              (each broadcast as a line)`

export function addStatusMonitor(program: Command): void {
  const command = program
    .command('status-monitor')
    .description('show what the services of a pipeline are doing')
    .option('--for <seconds>', 'seconds to listen, then print one table', seconds)
    .option('--json', 'print each status broadcast as a line of JSON')
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(async (_options: unknown, self: Command) => {
    await withRefusals(() => watch(self.optsWithGlobals<MonitorOptions>()))
  })
}

async function watch(options: MonitorOptions): Promise<void> {
  const site = await openSite(options)
  await using transport = site.open(`status-monitor ${process.pid}`)
  const cards = new Map<string, Card>()
  await transport.subscribeBroadcast('transient.status', (_header, status) => {
    if (!isDict(status)) return
    if (options.json === true) print(encodeJson(status))
    cards.set(String(itemAtKey(status, 'host')), { status, seenAt: Date.now() })
  })
  const ended = new AbortController()
  const end = (): void => ended.abort()
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  const isLive = options.for === undefined && options.json !== true
  if (isLive) await refresh(cards, ended.signal)
  else {
    const wait = options.for === undefined ? 2 ** 31 : options.for * 1000
    await sleep(wait, ended.signal).catch(() => undefined)
    if (options.json !== true) show(cards)
  }
  process.off('SIGINT', end)
  process.off('SIGTERM', end)
}

async function refresh(cards: Map<string, Card>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (process.stdout.isTTY) process.stdout.write('\u001B[H\u001B[2J')
    show(cards)
    await sleep(REFRESH_MS, signal).catch(() => undefined)
  }
}

function show(cards: Map<string, Card>): void {
  const now = Date.now()
  for (const [host, { status, seenAt }] of cards) {
    if (now - seenAt > GONE_MS || itemAtKey(status, 'status') === TEARDOWN) cards.delete(host)
  }
  const rows = [...cards].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, card]) => card)
  printTable<Card>(
    [
      { title: 'host', value: ({ status }) => textAt(status, 'host') },
      {
        title: 'service',
        value: ({ status }) => textAt(status, 'service') || textAt(status, 'task') || '–',
      },
      { title: 'status', value: ({ status }) => textAt(status, 'statustext') },
      { title: 'busy', value: ({ status }) => busyText(status) },
      { title: 'tag', value: ({ status }) => textAt(status, 'tag') },
      { title: 'heard', value: (card) => heardText(card, now) },
    ],
    rows,
  )
}

function textAt(status: Dict, field: string): string {
  const value = itemAtKey(status, field)
  return value === null || value === undefined ? '' : String(value)
}

/** The share of the last seconds in which it ran something. */
function busyText(status: Dict): string {
  const shares = itemAtKey(status, 'utilization')
  if (!isDict(shares)) return ''
  const share = itemAtKey(shares, '4') ?? 0
  return `${Math.round(Number(share instanceof Float ? share.value : share) * 100)} %`
}

function heardText({ seenAt }: Card, now: number): string {
  const text = `${Math.round((now - seenAt) / 1000)} s ago`
  return now - seenAt > LATE_MS && isColoured() ? `\u001B[31m${text}\u001B[0m` : text
}
