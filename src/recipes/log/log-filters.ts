import { SiteConfigError } from '../../errors.ts'
import { levelNumber } from './levels.ts'
import type { LogFilter } from './log-record.ts'

interface DowngradeOptions {
  readonly reduce_to?: string
  readonly only_below?: string
}

/**
 * Records between the two levels get the lower of them (zocalo.configuration.plugin_logging.DowngradeFilter). Throws
 * `SiteConfigError` where they leave nothing between them.
 */
export function downgradeFilter(options: DowngradeOptions = {}): LogFilter {
  const { reduce_to: reduceTo = 'WARNING', only_below: onlyBelow = 'CRITICAL' } = options
  const [lowest, highest] = [levelNumber(reduceTo), levelNumber(onlyBelow)]
  if (highest <= lowest) {
    throw new SiteConfigError(
      `'reduce_to' (${reduceTo} = ${lowest}) must be smaller than 'only_below' (${onlyBelow} = ${highest})`,
      { category: 'ValueError', pythonClass: 'ValueError' },
    )
  }
  return (record) =>
    record.level > lowest && record.level < highest ? { ...record, level: lowest } : record
}

/** Python's logging.Filter: a logger and those below it. */
export function nameFilter(name: string): LogFilter {
  return (record) =>
    name === '' || record.logger === name || record.logger.startsWith(`${name}.`) ? record : null
}
