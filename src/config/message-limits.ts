import { DEFAULT_LIMITS, type MessageLimits } from '../codecs/limits.ts'
import type { Config } from './config.ts'

/** What one message may cost its reader. */
export function limitsOf({
  MESSAGE_LIMIT_BYTES: maxBytes = DEFAULT_LIMITS.maxBytes,
  MESSAGE_LIMIT_NODES: maxNodes = DEFAULT_LIMITS.maxNodes,
}: Partial<Pick<Config, 'MESSAGE_LIMIT_BYTES' | 'MESSAGE_LIMIT_NODES'>>): MessageLimits {
  return { maxBytes, maxNodes }
}
