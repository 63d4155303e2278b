import { arch, release, type } from 'node:os'
import type { Config } from '../../config/config.ts'
import { maskValue } from '../../config/masking.ts'
import { printed } from '../../config/printed.ts'
import { version } from '../../own-package.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { safeUrl } from '../../safe-url.ts'
import type { App } from '../../tasks/app/app.ts'

/** The settings as they are, secrets masked; what JSON does not know is shown as text. */
export function configTable(
  config: Config,
  withDefaults: boolean,
): Readonly<Record<string, unknown>> {
  const names = config.names().filter((name) => withDefaults || config.has(name))
  return Object.fromEntries(names.map((name) => [name, plain(maskValue(name, config.get(name)))]))
}

/** As Celery's `report`: what to send along with a bug. */
export function bugReport({ config }: App): string {
  const settings = Object.entries(configTable(config, false)).map(
    ([name, value]) => `${name}: ${printed(value)}`,
  )
  return [
    '',
    `software -> celery-toolbox:${version()} node:${process.versions.node} v8:${process.versions.v8}`,
    `platform -> system:${type()} arch:${arch()}`,
    `            kernel version:${release()}`,
    `settings -> transport:${config.brokerUrl.split(':', 1)[0] ?? ''} results:${safeUrl(config.result_backend ?? 'disabled')}`,
    '',
    ...settings,
    '',
  ].join('\n')
}

function plain(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return printed(value)
  if (typeof value !== 'object' || value === null) {
    return ['function', 'symbol', 'bigint'].includes(typeof value) ? printed(value) : value
  }
  if (Array.isArray(value)) return value.map(plain)
  if (!isRecord(value)) return printed(value)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}
