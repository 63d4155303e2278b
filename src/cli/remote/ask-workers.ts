import type { Command } from 'commander'
import type { WorkerReply } from '../../control/control-replies.ts'
import { countText } from '../../count-text.ts'
import { commandLogger, type GlobalOptions, openApp } from '../app/open-app.ts'
import { names, seconds } from '../options/option-values.ts'
import { jsonText } from '../output/json-text.ts'
import { isColoured, print, printError } from '../output/output.ts'
import { replyText } from './reply-text.ts'

export interface RemoteOptions extends GlobalOptions {
  readonly timeout: number
  readonly destination?: readonly string[]
  readonly json?: boolean
}

interface Question {
  readonly method: string
  readonly args: Readonly<Record<string, unknown>>
  /** Not only who answered. */
  readonly withBody: boolean
  /** What `--json` prints. */
  readonly asJson: (replies: readonly WorkerReply[]) => unknown
  /** Say at the end how many answered. */
  readonly isCounted: boolean
}

/** As sysexits(3) and `celery`: no worker answered. */
const EX_UNAVAILABLE = 69

export function withRemoteOptions(command: Command): Command {
  return command
    .option('-t, --timeout <seconds>', 'how long to wait for answers', seconds, 1)
    .option('-d, --destination <names>', 'only these workers, by name (default: all)', names)
    .option('-j, --json', 'print JSON')
}

/** Asks workers and prints what they answer, as they do; the exit code is 69 where one that is named does not. */
export async function askWorkers(question: Question, options: RemoteOptions): Promise<void> {
  await using app = await openApp(options)
  app.useLogger(await commandLogger(app.config, options))
  const { method, args, withBody, asJson, isCounted } = question
  const isText = options.json !== true
  const shows = { isColoured: isColoured(), withBody }
  const replies = await app.control.broadcast(method, args, {
    reply: true,
    timeoutMs: options.timeout * 1_000,
    destination: options.destination,
    ...(isText && { onReply: (reply: WorkerReply) => print(replyText(reply, shows)) }),
  })
  if (!isText) print(jsonText(asJson(replies)))
  const answered = new Set(replies.flatMap((reply) => Object.keys(reply)))
  if (isText && isCounted && answered.size > 0) {
    print(`\n${countText(answered.size, 'node')} online.`)
  }
  tellOfMissing(answered, options)
}

export function byWorker(replies: readonly WorkerReply[]): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...replies)
}

function tellOfMissing(
  answered: ReadonlySet<string>,
  { destination = [], timeout }: RemoteOptions,
): void {
  const missing = destination.filter((name) => !answered.has(name))
  if (answered.size > 0 && missing.length === 0) return
  process.exitCode = EX_UNAVAILABLE
  const within = `within ${timeout} s`
  printError(
    missing.length === 0
      ? `Error: No nodes replied within time constraint (${timeout} s)`
      : `Error: no answer ${within} from ${missing.join(', ')}; expected the name of a worker that runs ("status" lists them)`,
  )
}
