import { stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import type { FSWatcher } from 'chokidar'
import { aborted } from '../../../async/aborted.ts'
import { deferred } from '../../../async/deferred.ts'
import { ConfigurationError, StreamError } from '../../../errors.ts'
import { periodic } from '../../../lifecycle/periodic.ts'
import { textOfError } from '../../../text-of-error.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import { loadDriver } from '../load-driver.ts'
import { globs } from './globs.ts'
import { isHiddenByDefault } from './hidden.ts'

/** A change of a file or folder, with the fields of arroyopy's FileWatcherMessage. */
export interface FileMessage {
  readonly file_path: string
  readonly is_directory: boolean
  readonly change: 'added' | 'changed' | 'deleted'
}

interface WatchOptions {
  /** Names or relative paths that are wanted: `*.h5`, `scan_?`, `raw/**`. Default: all, folders too. */
  readonly patterns?: readonly string[]
  /** Whether files that are there at the start are reported as added. Default true. */
  readonly existing?: boolean
  /** Default true. */
  readonly recursive?: boolean
  /** A file is reported once its size has not changed for so long: it is still being written before. Default 200; 0: at once. */
  readonly settleMs?: number
  /** Polls for changes instead of being notified of them, for network drives: every so many milliseconds. */
  readonly pollMs?: number
  /** Names that are left out besides those of editors, caches and version control. */
  readonly ignore?: readonly string[]
}

const SETTLE_MS = 200
const CHECK_MS = 500

function watch(directory: string, options: WatchOptions = {}): LinkListener {
  if (typeof directory !== 'string' || directory === '') {
    throw new ConfigurationError(
      `files watch: the directory is ${JSON.stringify(directory)}, expected a path`,
    )
  }
  const root = resolve(directory)
  const wanted = globs(options.patterns)
  return new LinkListener(`files ${directory}`, (inlet) => report(inlet, { root, wanted, options }))
}

interface WatchParts {
  readonly root: string
  readonly wanted: (path: string) => boolean
  readonly options: WatchOptions
}

async function report(inlet: Inlet, parts: WatchParts): Promise<void> {
  const { root, options } = parts
  await checkFolder(root)
  const { watch: start } = await loadDriver(() => import('chokidar'), {
    name: 'chokidar',
    link: 'files',
  })
  const ignored = globs(options.ignore ?? [])
  const failed = deferred<never>()
  const { settleMs = SETTLE_MS, pollMs } = options
  const watcher = start(root, {
    ignoreInitial: options.existing === false,
    ...(options.recursive === false && { depth: 0 }),
    ...(settleMs > 0 && {
      awaitWriteFinish: { stabilityThreshold: settleMs, pollInterval: Math.min(100, settleMs) },
    }),
    ...(pollMs !== undefined && { usePolling: true, interval: pollMs }),
    ignored: (path) => path !== root && (isHiddenByDefault(path) || ignored(relative(root, path))),
  })
  watcher.on('error', (error) => failed.reject(watchFailed(root, error)))
  watcher.on('ready', () => inlet.ready())
  // The watcher says nothing where the folder itself is deleted.
  const check = periodic(async () => checkFolder(root).catch(failed.reject), {
    name: `looking for ${root}`,
    everyMs: CHECK_MS,
  })
  forward(watcher, inlet, parts)
  try {
    await check.start()
    await Promise.race([aborted(inlet.signal), failed.promise])
  } finally {
    // A folder on a network drive may answer late.
    check.stop().catch(() => undefined)
    await watcher.close()
  }
}

/** Changes in the order of their notifications; a full block keeps them in this line, as a folder cannot be held back. */
function forward(watcher: FSWatcher, inlet: Inlet, { root, wanted }: WatchParts): void {
  let line: Promise<void> = Promise.resolve()
  watcher.on('all', (event, path) => {
    if (path === root) return
    const change = CHANGES[event]
    if (change === undefined || !wanted(relative(root, path).split(sep).join('/'))) return
    const message: FileMessage = { file_path: path, is_directory: event.endsWith('Dir'), change }
    line = line.then(() => inlet.put(message))
  })
}

const CHANGES: Readonly<Record<string, FileMessage['change']>> = {
  add: 'added',
  addDir: 'added',
  change: 'changed',
  unlink: 'deleted',
  unlinkDir: 'deleted',
}

async function checkFolder(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined)
  if (found?.isDirectory() === true) return
  throw watchFailed(
    root,
    new Error(found === undefined ? 'there is no such folder' : 'it is not a folder'),
  )
}

/** ENOSPC is what Linux says when the user watches too many files (fs.inotify.max_user_watches). */
function watchFailed(root: string, cause: unknown): StreamError {
  const why = textOfError(cause)
  const hint = /ENOSPC/.test(why) ? '; raise fs.inotify.max_user_watches, or set pollMs' : ''
  return new StreamError('STREAM_LINK_FAILED', `files cannot watch ${root}: ${why}${hint}`, {
    cause,
  })
}

/** Links over files: a listener to the changes of a folder. */
export const files = { watch } as const
