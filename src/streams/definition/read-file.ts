import { readFile } from 'node:fs/promises'
import { type ParsedDefinition, type Path, parseDefinition } from '../../definitions/parse.ts'
import { ConfigurationError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'

/** A file of blocks as it was read: its blocks unchecked, and the place of each part. */
export interface BlockFile {
  readonly file: string
  readonly blocks: readonly unknown[]
  /** An error at the line of this part. */
  error(path: Path, problem: string, cause?: unknown): ConfigurationError
}

/** Reads the file and its top level, with arroyo's own texts for what is wrong there. */
export async function readBlockFile(file: string): Promise<BlockFile> {
  const parsed = parse(await fileText(file), file)
  const error = (path: Path, problem: string, cause?: unknown): ConfigurationError => {
    const { line, column, message } = parsed.problem(path, problem)
    return new ConfigurationError(`${file}:${line}:${column}: ${message}`, { cause })
  }
  const { value } = parsed
  if (value === null || value === undefined) throw error([], 'Configuration file is empty')
  if (typeof value !== 'object' || !('blocks' in value)) {
    throw error([], "Configuration must contain a 'blocks' key with a list of blocks")
  }
  if (!Array.isArray(value.blocks)) throw error(['blocks'], "'blocks' must be a list")
  return { file, blocks: value.blocks, error }
}

async function fileText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw unreadableFile(file, cause)
  }
}

function unreadableFile(file: string, cause: unknown): ConfigurationError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
  if (isMissing) return new ConfigurationError(`Configuration file not found: ${file}`, { cause })
  return new ConfigurationError(
    `Configuration file ${file} cannot be read: ${textOfError(cause)}`,
    { cause },
  )
}

function parse(text: string, file: string): ParsedDefinition {
  try {
    return parseDefinition(text, file)
  } catch (cause) {
    throw unparsed(cause)
  }
}

function unparsed(cause: unknown): ConfigurationError {
  return new ConfigurationError(`Failed to parse YAML file: ${textOfError(cause)}`, { cause })
}
