import type { Logger } from '../logger.ts'

export interface EmbeddedOptions {
  /** Where its files live; undefined: a temporary folder, removed at close. */
  readonly directory: string | undefined
  /** Default: any free one. */
  readonly port?: number
}

export interface EmbeddedServer {
  readonly url: string
  readonly stop: () => Promise<void>
}

export async function startEmbeddedPostgres(
  _options: EmbeddedOptions,
  _logger: Logger,
): Promise<EmbeddedServer> {
  throw new Error('not yet')
}
