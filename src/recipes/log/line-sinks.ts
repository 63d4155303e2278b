import { appendFileSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { harmlessText } from '../../codecs/python/python-text.ts'
import { levelName } from './levels.ts'
import { failureBelow, type LineOf, shownFields } from './log-format.ts'
import type { LogRecord, LogSink } from './log-record.ts'

/** Lines for people: time, level, logger, sentence, fields; errors with their stack. */
export function consoleSink(level: number, write: (line: string) => void): LogSink {
  return { level, write: (record) => write(consoleLine(record)) }
}

function consoleLine({ logger, level, sentence, fields, time }: LogRecord): string {
  const at = time.toISOString().replace('T', ' ').slice(0, 23)
  const line = `${at} ${levelName(level)} ${logger}: ${sentence}${shownFields(fields)}`
  return harmlessText(`${line}${failureBelow(fields)}`)
}

/** Standard output or error, as logging.StreamHandler. */
export function streamSink(stream: 'stdout' | 'stderr', lineOf: LineOf): LogSink {
  return {
    level: 0,
    write: (record) => void process[stream].write(`${harmlessText(lineOf(record))}\n`),
  }
}

interface FileOptions {
  readonly filename: string
  readonly mode: string
  /** With both, as RotatingFileHandler: file.1 is the newest of the older ones. */
  readonly maxBytes: number
  readonly backupCount: number
}

/** A file that lines are appended to. Where it cannot be written, that is said once, and lines are lost. */
export function fileSink({ filename, ...options }: FileOptions, lineOf: LineOf): LogSink {
  const { maxBytes, backupCount, mode } = options
  let hasFailed = false
  let size = mode.startsWith('w') ? emptied(filename) : sizeOf(filename)
  return {
    level: 0,
    write: (record) => {
      const line = Buffer.from(`${harmlessText(lineOf(record))}\n`)
      try {
        if (maxBytes > 0 && backupCount > 0 && size > 0 && size + line.length > maxBytes) {
          rotate(filename, backupCount)
          size = 0
        }
        appendFileSync(filename, line)
        size += line.length
      } catch (error) {
        if (!hasFailed) process.stderr.write(`${filename} cannot be written: ${String(error)}\n`)
        hasFailed = true
      }
    },
  }
}

function emptied(filename: string): number {
  writeFileSync(filename, '')
  return 0
}

function sizeOf(filename: string): number {
  return existsSync(filename) ? statSync(filename).size : 0
}

function rotate(filename: string, backupCount: number): void {
  for (let number = backupCount - 1; number >= 0; number -= 1) {
    const from = number === 0 ? filename : `${filename}.${number}`
    if (existsSync(from)) renameSync(from, `${filename}.${number + 1}`)
  }
}
