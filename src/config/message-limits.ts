import type { MessageLimits } from '../codecs/limits.ts'
import type { Config } from './config.ts'

/** What one message may cost whoever reads it. */
export function limitsOf({
  MESSAGE_LIMIT_BYTES: maxBytes,
  MESSAGE_LIMIT_NODES: maxNodes,
}: Pick<Config, 'MESSAGE_LIMIT_BYTES' | 'MESSAGE_LIMIT_NODES'>): MessageLimits {
  return { maxBytes, maxNodes }
}
