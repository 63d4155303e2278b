import type { LogSink } from '../../recipes/log/log-record.ts'
import { SiteConfig, type SitePlugin } from '../../recipes/site/site-config.ts'
import { loadAll, type PackageParts, packageParts } from '../../services/package-parts.ts'

interface ActivatedSite {
  readonly config: SiteConfig
  readonly parts: PackageParts
}

/** The site of `ZOCALO_CONFIG` with the plug-ins of the project, these environments (or the default one) activated. */
export async function activatedSite(names: readonly string[] = []): Promise<ActivatedSite> {
  const config = SiteConfig.fromEnvironment()
  const parts = packageParts()
  for (const [name, plugin] of Object.entries(await loadAll(parts.plugins))) {
    if (typeof plugin === 'function') config.register(name, plugin as SitePlugin)
  }
  await config.activate(names)
  return { config, parts }
}

/** The deprecated block `graylog`: a handler at the root logger. */
export async function graylogOf(config: SiteConfig): Promise<LogSink[]> {
  const block = config.block('graylog')
  if (block === null) return []
  const { graylogSink } = await import('../../recipes/log/graylog-sink.ts')
  const protocol = block.protocol === 'TCP' ? 'TCP' : 'UDP'
  return [graylogSink({ protocol, host: String(block.host), port: Number(block.port) })]
}
