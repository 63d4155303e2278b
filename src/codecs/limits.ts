import type { SliceOptions } from '../async/slices.ts'
import { ProtocolError } from '../errors.ts'

/** What one message may cost its reader. */
export interface MessageLimits {
  /** Bytes that a compressed body may expand to. */
  readonly maxBytes: number
  /** Values in a body: each number, text, list and dict is one. */
  readonly maxNodes: number
  /** How long it may be worked on: to be expanded, and again to be decoded. Default: a minute. */
  readonly withinMs?: number
}

export const DEFAULT_LIMITS: MessageLimits = { maxBytes: 64 * 1024 * 1024, maxNodes: 10_000_000 }

/** Integers with more digits are refused, as Python refuses them: reading them takes quadratic time. */
export const MAX_DIGITS = 4300

/** Of msgpack and YAML; what walks a value later must not overflow the stack. */
export const MAX_DEPTH = 500

/** How long one body may be worked on: expanded, or decoded. */
export const DECODE_MS = 60_000

/** The error of a body beyond a limit. */
export function tooLarge(problem: string, cause?: unknown): ProtocolError {
  return new ProtocolError('MESSAGE_TOO_LARGE', problem, cause === undefined ? {} : { cause })
}

/** The body takes more time than it had: with more, it may be read. */
export class TooSlow extends ProtocolError {
  constructor(problem: string, options?: ErrorOptions) {
    super('MESSAGE_TOO_LARGE', problem, options)
  }
}

export function tooManyNodes(maxNodes: number, format: string): ProtocolError {
  return tooLarge(
    `the body holds more than ${maxNodes} values as ${format}; MESSAGE_LIMIT_NODES allows no more`,
  )
}

/** The time that a body of so many bytes may take, in slices. */
export function decodingTime(
  bytes: Uint8Array,
  format: string,
  { withinMs = DECODE_MS }: Pick<MessageLimits, 'withinMs'> = {},
): SliceOptions {
  return {
    withinMs,
    onLate: () =>
      new TooSlow(
        `the body of ${bytes.length} bytes takes more than ${withinMs / 1000} s to read as ${format}`,
      ),
  }
}
