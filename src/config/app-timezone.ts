import { localTimezone } from '../protocol/times.ts'
import type { Config } from './config.ts'

/** The app's zone, as in Celery: `timezone`, else UTC, or this machine's own with `enable_utc` off. */
export function timezoneOf({
  timezone,
  enable_utc: isUtc = true,
}: Partial<Pick<Config, 'timezone' | 'enable_utc'>>): string | undefined {
  return timezone ?? (isUtc ? undefined : localTimezone())
}
