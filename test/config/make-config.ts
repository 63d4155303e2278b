import { Config, type ConfigOptions, type LooseConfigOptions } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'

/** A config that neither the machine's environment nor a `.env` file can change. */
export function makeConfig(options: ConfigOptions | LooseConfigOptions = {}): Config {
  return new Config({ environment: {}, queues: ['export'], ...options })
}

/** What is wrong with the options. */
export function problemsOf(options: ConfigOptions | LooseConfigOptions): readonly string[] {
  try {
    makeConfig(options)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}
