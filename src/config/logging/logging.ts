import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { StreamEntry } from 'pino'
import type { Logger } from '../../logger.ts'
import type { Config } from '../config.ts'
import { isTerminalColoured } from '../resolve/environment.ts'
import { logLevel } from './log-level.ts'
import { logLines } from './log-line.ts'
import { loggedError } from './logged-error.ts'

const FILE_SIZE = '5M'
const OLD_FILES = 2

export interface LoggerOptions {
  /** debug, info, warn or error; Python's names are taken too. Default: info. */
  readonly level?: string
  /** Where the lines go. Default: the standard error stream. */
  readonly destination?: Writable
  /** Lines for people or JSON for machines. Default: lines on a terminal, JSON elsewhere. */
  readonly format?: 'lines' | 'json'
}

export interface LoggingOptions extends LoggerOptions {
  /** The folder of the log files. Default: the working directory. */
  readonly directory?: string
}

/** A logger, and the way to write out and close what it writes to. */
export interface Logging extends AsyncDisposable {
  readonly logger: Logger
  close(): Promise<void>
}

/** A file, and what turns JSON lines into its lines. */
interface LogFile {
  readonly lines: Writable
  readonly file: Writable
}

/** A logger that writes to one place: coloured lines on a terminal, JSON lines elsewhere. */
export async function createLogger(config: Config, options: LoggerOptions = {}): Promise<Logger> {
  const { pino } = await import('pino')
  const level = logLevel(options.level ?? 'info')
  const logger: Logger = pino(pinoOptions(level), consoleStream(config, options))
  return logger
}

/**
 * The logging an app asks for: with SETUP_FILE_LOGGING a coloured console, app.info.log (INFO and above) and
 * app.error.log (ERROR and above), each rotated at 5 MB with two old ones kept; otherwise one logger.
 */
export async function setupLogging(config: Config, options: LoggingOptions = {}): Promise<Logging> {
  if (!config.SETUP_FILE_LOGGING) {
    return closable(await createLogger(config, options), [])
  }
  const { pino, multistream } = await import('pino')
  const level = logLevel(options.level ?? 'info')
  const info = await rotatedFile('app.info.log', options.directory)
  const error = await rotatedFile('app.error.log', options.directory)
  const console = consoleStream(config, { ...options, format: options.format ?? 'lines' })
  const streams: StreamEntry[] = [
    { level, stream: console },
    { level: 'info', stream: info.lines },
    { level: 'error', stream: error.lines },
  ]
  return closable(pino(pinoOptions(level), multistream(streams)), [info, error])
}

/** Levels by name and times that people can read. */
function pinoOptions(level: string) {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { err: loggedError, error: loggedError, cause: loggedError },
    formatters: { level: (label: string) => ({ level: label }) },
  }
}

function consoleStream(config: Config, options: LoggerOptions): Writable {
  const destination = options.destination ?? process.stderr
  const isTerminal = 'isTTY' in destination && destination.isTTY === true
  const format = options.format ?? (isTerminal ? 'lines' : 'json')
  if (format === 'json') return destination
  const isColoured =
    config.worker_log_color ?? (config.SETUP_FILE_LOGGING || isTerminalColoured(isTerminal))
  const lines = logLines({ isColoured })
  lines.pipe(destination, { end: false })
  return lines
}

async function rotatedFile(name: string, directory = '.'): Promise<LogFile> {
  const { createStream } = await import('rotating-file-stream')
  const options = { size: FILE_SIZE, rotate: OLD_FILES, path: directory }
  const file = createStream(rotatedName(name), options)
  await once(file, 'open')
  const lines = logLines({ isColoured: false })
  lines.pipe(file)
  return { lines, file }
}

/** app.info.log, then app.info.log.1 and app.info.log.2, the way Python numbers them. */
function rotatedName(name: string): (index: number | Date | null) => string {
  return (index) => (typeof index === 'number' ? `${name}.${index}` : name)
}

function closable(logger: Logger, files: readonly LogFile[]): Logging {
  const close = async (): Promise<void> => {
    await Promise.all(files.map(closeFile))
  }
  return { logger, close, [Symbol.asyncDispose]: close }
}

async function closeFile({ lines, file }: LogFile): Promise<void> {
  lines.end()
  if (!file.closed) await finished(file)
}
