import { readdirSync, rmSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { sleep } from '../../async/sleep.ts'
import { decodeJson } from '../../codecs/json/json.ts'
import { type Dict, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { pythonStr } from '../../codecs/python/python-text.ts'
import type { Transport } from '../../recipes/transport/transport.ts'
import { textOfError } from '../../text-of-error.ts'
import { print, printError } from '../output/output.ts'
import { seconds } from './collected.ts'
import { refuse, withRefusals } from './refusals.ts'
import { addSiteOptions, addVerbose, openSite, type SiteOptions } from './site.ts'

interface PickupOptions extends SiteOptions {
  readonly delay: number
  readonly wait: number
}

interface Drop {
  readonly headers: Readonly<Record<string, unknown>>
  readonly message: Dict
}

const EXAMPLES = `
Examples:
  celery-toolbox pickup
  celery-toolbox pickup -w 0 -d 0`

/** A request is small; a larger file is none. */
const LARGEST_BYTES = 16 * 2 ** 20

export function addPickup(program: Command): void {
  const command = program
    .command('pickup')
    .description(
      'send the requests that "go" stored while RabbitMQ was away (Zocalo: zocalo.pickup)',
    )
    .option('-d, --delay <seconds>', 'seconds between two messages', seconds, 2)
    .option('-w, --wait <seconds>', 'seconds before the first message', seconds, 60)
    .addHelpText('after', EXAMPLES)
  addVerbose(addSiteOptions(command), 'show each message').action(
    async (_options: unknown, self: Command) => {
      await withRefusals(() => pickUp(self.optsWithGlobals<PickupOptions>()))
    },
  )
}

async function pickUp(options: PickupOptions): Promise<void> {
  const { verbose = 0, ...siteOptions } = options
  const site = await openSite(siteOptions)
  const folder = site.config.plugin('storage')?.['zocalo.go.fallback_location']
  if (typeof folder !== 'string') refuse('the site names no zocalo.go.fallback_location')
  const names = filesIn(folder)
  print(`Found ${names.length} files`)
  if (names.length === 0) return
  if (options.wait > 0) {
    print(`Waiting ${options.wait} seconds`)
    await sleep(options.wait * 1000)
  }
  print(`Connecting to ${site.transportName}...`)
  await using transport = site.open(`pickup ${process.pid}`)
  await transport.connect()
  const { files, problems } = await looked(folder, names)
  for (const problem of problems) tell(problem)
  for (const [index, file] of files.entries()) {
    if (index > 0 && (await isCancelled(options.delay))) {
      printError('CTRL+C - stopping')
      process.exitCode = 1
      return
    }
    const isSent = await sendFile(file, transport, verbose)
    if (isSent) print(`Done (${index + 1} of ${files.length})`)
  }
}

function tell(problem: string): void {
  printError(problem)
  process.exitCode = 1
}

/** False where the file has gone since it was looked at: another pickup may have sent it. */
async function sendFile(file: string, transport: Transport, verbose: number): Promise<boolean> {
  const drop = await dropIn(file).catch((cause: unknown) => {
    tell(`${file} is skipped: ${textOfError(cause)}`)
  })
  if (drop === undefined) return false
  const { headers, message } = drop
  const recipes = itemAtKey(message, 'recipes')
  const named = Array.isArray(recipes) ? recipes.map(pythonStr).join('') : ''
  print(`Sending ${file} from host ${pythonStr(headers['zocalo.go.host'])} with recipes ${named}`)
  if (verbose > 0) print(pythonStr(message))
  await transport.send('processing_recipe', message, { headers })
  rmSync(file, { force: true })
  return true
}

/** A folder that cannot be read is of other users. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    const reason = textOfError(cause)
    return refuse(`This program is only available to privileged users (${reason})`)
  }
}

/**
 * By time of modification; what is no request is left where it is, and named. Only one is in memory at a time, however
 * many there are.
 */
async function looked(folder: string, names: readonly string[]) {
  const found: { readonly file: string; readonly at: number }[] = []
  const problems: string[] = []
  for (const name of names) {
    const file = join(folder, name)
    try {
      const { mtimeMs, size } = await stat(file)
      if (size > LARGEST_BYTES) throw new Error(`it has ${size} bytes, too many for a request`)
      await dropIn(file)
      found.push({ file, at: mtimeMs })
    } catch (cause) {
      problems.push(`${file} is skipped: ${textOfError(cause)}`)
    }
  }
  const files = found.sort((left, right) => left.at - right.at).map(({ file }) => file)
  return { files, problems }
}

async function dropIn(file: string): Promise<Drop> {
  const options = { keepFloats: true, keepOrder: true, plainObjects: true }
  const content = decodeJson(await readFile(file, 'utf8'), options)
  const headers = isDict(content) ? itemAtKey(content, 'headers') : undefined
  const message = isDict(content) ? itemAtKey(content, 'message') : undefined
  if (!isDict(headers) || headers instanceof Map || !isDict(message)) {
    throw new Error('expected an object with headers and message')
  }
  return { headers: headers as Drop['headers'], message }
}

/** True where Ctrl-C came while waiting. */
async function isCancelled(delay: number): Promise<boolean> {
  const cancelled = new AbortController()
  const cancel = (): void => cancelled.abort()
  process.once('SIGINT', cancel)
  await sleep(delay * 1000, cancelled.signal).catch(() => undefined)
  process.off('SIGINT', cancel)
  return cancelled.signal.aborted
}
