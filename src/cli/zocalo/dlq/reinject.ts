import { readFileSync, rmSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { sleep } from '../../../async/sleep.ts'
import { decodeJson } from '../../../codecs/json/json.ts'
import { type Dict, entriesOf, isDict, itemAtKey } from '../../../codecs/ordered-dict.ts'
import { pythonPretty } from '../../../codecs/python/python-pretty.ts'
import { pythonStr } from '../../../codecs/python/python-text.ts'
import { DisconnectedError, UsageError } from '../../../errors.ts'
import type { Transport } from '../../../recipes/transport/transport.ts'
import { textOfError } from '../../../text-of-error.ts'
import { print, printError } from '../../output/output.ts'
import { seconds } from '../collected.ts'
import { refuse, withRefusals } from '../refusals.ts'
import { addSiteOptions, addVerbose, openSite, type SiteOptions } from '../site.ts'

interface ReinjectOptions extends SiteOptions {
  readonly remove?: boolean
  readonly destination?: string
  readonly wait?: number
}

const EXAMPLES = `
Files are those of dlq-purge; their names may come on standard input, as dlq-purge prints them.

Examples:
  celery-toolbox dlq-reinject DLQ/2026-11-21/msg-20261121-205716-000-1
  celery-toolbox dlq-reinject -r -d other-queue DLQ/2026-11-21/*`

/** Headers that the broker has made; the queue's own history stays. */
const DROPPED: ReadonlySet<string> = new Set([
  'message-id',
  'routing_key',
  'redelivered',
  'exchange',
  'consumer_tag',
  'delivery_mode',
])

export function addDlqReinject(program: Command): void {
  const command = program
    .command('dlq-reinject')
    .description('send dead letters from files back to their queues (Zocalo: zocalo.dlq_reinject)')
    .argument('[file...]', 'files of dead letters')
    .option('-r, --remove', 'delete each file once its message is sent')
    .option('-d, --destination <queue>', 'another queue than the one the message died in')
    .option('-w, --wait <seconds>', 'seconds between two messages', seconds)
    .addHelpText('after', EXAMPLES)
  addVerbose(addSiteOptions(command), 'show each message').action(
    async (files: readonly string[], _options: unknown, self: Command) => {
      await withRefusals(() => reinject(files, self.optsWithGlobals<ReinjectOptions>()))
    },
  )
}

async function reinject(named: readonly string[], options: ReinjectOptions): Promise<void> {
  const fromInput = await namesOnInput(named.length > 0)
  const files = [...named, ...fromInput]
  if (files.length === 0) refuse('No DLQ message files given.')
  const { verbose, ...siteOptions } = options
  const site = await openSite(siteOptions)
  await using transport = site.open(`dlq-reinject ${process.pid}`)
  await transport.connect()
  const isPika = site.transportName === 'PikaTransport'
  let isFirst = true
  for (const file of files) {
    if (!isFirst && options.wait !== undefined) await sleep(options.wait * 1000)
    isFirst = !(await isTried(file, transport, { ...options, isPika })) && isFirst
  }
}

type FileOptions = ReinjectOptions & { readonly isPika: boolean }

/** Whether there was a file to send. One that cannot be sent keeps none of the others back; a lost connection does. */
async function isTried(file: string, transport: Transport, options: FileOptions): Promise<boolean> {
  try {
    const content = contentOf(file)
    if (content === null) return false
    await reinjectFile({ file, content }, transport, options)
  } catch (cause) {
    if (cause instanceof DisconnectedError) throw cause
    printError(`${file}: ${textOfError(cause)}`)
    process.exitCode = 1
  }
  return true
}

async function reinjectFile(
  { file, content }: { readonly file: string; readonly content: string },
  transport: Transport,
  { verbose = 0, destination, remove, isPika }: FileOptions,
): Promise<void> {
  print(`Parsing message from ${file}`)
  const letter = letterIn(content)
  if (letter === null) {
    printError('File is not a valid DLQ message.')
    process.exitCode = 1
    return
  }
  if (verbose > 0) print(pythonPretty(letter))
  if (isPika) print('pika transport detected')
  await send(transport, letter, destination)
  if (remove === true) rmSync(file)
  print('Done.\n')
}

/** As dlq_purge prints them here (eight blanks) and as it once did (two, and a slash). Nothing where the input is a terminal. */
async function namesOnInput(hasFiles: boolean): Promise<string[]> {
  if (process.stdin.isTTY) return []
  const read = text(process.stdin)
  const given = hasFiles ? await Promise.race([read, sleep(50).then(() => null)]) : await read
  const names = (given ?? '')
    .split('\n')
    .map((line) => /^ {8}(\S.*)$|^ {2}(\/.*)$/.exec(line))
    .flatMap((match) => match?.[1] ?? match?.[2] ?? [])
    .map((name) => name.trim())
  print(`${names.length} filenames read from stdin`)
  return names
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    print(`Ignoring missing file ${file}`)
    return null
  }
}

function letterIn(content: string): Dict | null {
  try {
    const options = { keepFloats: true, keepOrder: true, plainObjects: true }
    const letter = decodeJson(content, options)
    if (!isDict(letter)) return null
    const header = itemAtKey(letter, 'header')
    const isWhole =
      isDict(header) && entriesOf(header).length > 0 && !isEmpty(itemAtKey(letter, 'message'))
    return isWhole ? letter : null
  } catch {
    return null // no JSON
  }
}

/** As Python takes a value for false. */
function isEmpty(message: unknown): boolean {
  if (Array.isArray(message)) return message.length === 0
  return isDict(message) ? entriesOf(message).length === 0 : !message
}

async function send(transport: Transport, letter: Dict, other: string | undefined): Promise<void> {
  const header = itemAtKey(letter, 'header') as Dict // letterIn has seen to that
  const queue = other ?? queueOf(header)
  if (queue === null)
    throw new UsageError('the letter does not say which queue it died in; name one with -d')
  const kept = entriesOf(header).filter(([name]) => !DROPPED.has(name) && name !== 'dlq-reinjected')
  const headers: Record<string, string> = Object.fromEntries(
    kept.map(([name, value]) => [name, pythonStr(value)]),
  )
  headers['dlq-reinjected'] = 'True'
  const message = itemAtKey(letter, 'message')
  const encoding = itemAtKey(letter, 'encoding')
  if (typeof message === 'string' && (encoding === 'text' || encoding === 'base64')) {
    const body = Buffer.from(message, encoding === 'text' ? 'utf8' : 'base64')
    await transport.rawSend(queue, body, { headers })
  } else await transport.send(queue, message, { headers })
}

/** Through the default exchange, by the name of its queue, even if it came through another. */
function queueOf(header: Dict): string | null {
  const deaths = itemAtKey(header, 'x-death')
  const first: unknown = Array.isArray(deaths) ? deaths[0] : undefined
  const queue = isDict(first) ? itemAtKey(first, 'queue') : undefined
  return typeof queue === 'string' && queue !== '' ? queue : null
}
